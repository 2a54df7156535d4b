"""LSTM4Rec."""

from clickwise.models.last_state import LastState
from clickwise.nn.long_short_term import LongShortTerm


class LSTM4Rec(LastState):
    """``GRU4Rec`` with long short-term memory in place of the gated recurrent layer.

    Args:
        schema: fitted schema with at least one history of the kind ``sequence`` that collects a category field.
        embedding_dim: length of a field's vector.
        state_dim: length of a recurrent state.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit of the MLP.
        batch_norm: normalise the MLP's hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.

    Raises:
        InputError: the schema has no such history.
    """

    layer = LongShortTerm
