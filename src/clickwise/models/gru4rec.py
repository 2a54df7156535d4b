"""GRU4Rec."""

from clickwise.models.last_state import LastState
from clickwise.nn.recurrent import GatedRecurrence


class GRU4Rec(LastState):
    """GRU4Rec (Hidasi et al. 2016) for click labels: what a gated recurrent layer remembers of the behaviours.

    There the state scores all items at once, to rank them; here it stands beside the fields of one candidate, and an
    MLP tells whether it is clicked. Sequences of one length are one history, as in ``DIN``, with a layer of its own.

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

    layer = GatedRecurrence
