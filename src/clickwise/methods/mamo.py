"""MAMO: meta-learning whose start depends on memories read by the user's profile (Dong et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call

from clickwise.adaptation import Parameters, TaskParameters, adapt
from clickwise.data.log import Batch
from clickwise.data.tasks import Task
from clickwise.errors import InputError
from clickwise.losses import cross_entropy
from clickwise.methods.bilevel import Bilevel
from clickwise.methods.method import to_probability
from clickwise.models.model import Model
from clickwise.nn.feature_memory import SlotMemory, attend
from clickwise.nn.preference import PreferenceEstimator
from clickwise.schema import Schema

MATRIX = "matrix"


@dataclass(frozen=True)
class LocalSteps:
    """One task between its start and its end.

    Attributes:
        leaves: of the task's graph.
        attention: to each slot, ``[slots]``.
        profile: p_u, ``[profile_dim]``.
        start, adapted: the values before and after the local steps; the user's matrix among them as ``matrix``.
        query: with its ids as the leaves number them.
    """

    leaves: TaskParameters
    attention: Tensor
    profile: Tensor
    start: Parameters
    adapted: Parameters
    query: Batch


class MAMO(Bilevel):
    """Memory-augmented meta-optimisation (Dong et al. 2020, Algorithm 1) for click labels.

    A user's profile ``p_u`` attends to the slots of a profile memory: ``a_u = softmax(cos(p_u, M_P))``. With it are
    read

    - a bias of the user layer, from a memory of gradients: ``theta_u <- phi_u - tau * a_u M_U``;
    - the matrix between user and item of the recommender, from a cube: ``M_ui = a_u M_UI``.

    Local steps at the rate rho move the three layers and that matrix on the support; the global update moves the
    layers' initial values and the field vectors by the loss on the query. Each task then writes the memories:
    ``M_P <- alpha a_u p_u + (1 - alpha) M_P``, ``M_U <- beta a_u gradient + (1 - beta) M_U`` and
    ``M_UI <- gamma a_u M_ui + (1 - gamma) M_UI``. A user without support is predicted by what memory tells of the
    profile.

    Where the paper leaves a choice: the attention is the softmax of the similarities themselves; the gradient written
    is that of the support, the mean over local steps; the memories learn by being written alone, so that no gradient
    flows into them or into the attention; local steps leave the field vectors; outer steps are Adam's; the matrix maps
    ``[e_u, e_i]`` to half its length. ``p_u`` are the field vectors of the user's profile, the mean over the support,
    or over the query where there is none.

    Args:
        schema: fitted schema.
        embedding_dim: length of a field's vector.
        preference_dim: length of the vectors of user and item.
        hidden_dims: lengths of the recommender's hidden layers.
        slots: of each memory, K.
        alpha: how much a task writes to the memory of profiles, 0 to 1.
        beta: how much it writes to the memories of gradients.
        gamma: how much it writes to the cube of matrices.
        tau: how much the read bias counts.
        inner_learning_rate: of local steps, rho.
        outer_learning_rate: of the global update, lambda.
        second_order: let outer gradients flow through the local steps.
        inner_steps: local steps on the support.
        initial_deviation: standard deviation of the initial field vectors and of the profile memory.
        weight_decay: L2 penalty of the global update.
        tasks_per_episode: tasks an outer step.
        tasks_per_epoch: at most; all rows are query once an epoch where None.
        query_size: rows of a query.
        support_size: rows of a user to adapt to at most, the latest ones.
        judged_users: users that epochs are judged on at most, since each of them costs an adaptation.
        shuffle_users: adapt each user to another user's rows: a control whose gain must vanish.

    Raises:
        InputError: an option that cannot be, or a schema without fields of users and of others.
    """

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        preference_dim: int = 32,
        hidden_dims: Sequence[int] = (64,),
        slots: int = 3,
        alpha: float = 0.5,
        beta: float = 0.05,
        gamma: float = 0.1,
        tau: float = 0.01,
        inner_learning_rate: float = 0.1,
        outer_learning_rate: float = 3e-3,
        second_order: bool = True,
        inner_steps: int = 1,
        initial_deviation: float = 0.01,
        weight_decay: float = 0.0,
        tasks_per_episode: int = 20,
        tasks_per_epoch: int | None = None,
        query_size: int = 32,
        support_size: int = 256,
        judged_users: int = 2000,
        shuffle_users: bool = False,
    ) -> None:
        super().__init__(
            schema, outer_learning_rate, weight_decay, tasks_per_episode, tasks_per_epoch, query_size, support_size,
            judged_users, shuffle_users,
        )  # fmt: skip
        if min(slots, inner_steps) < 1 or inner_learning_rate <= 0 or tau < 0:
            raise InputError("slots and inner_steps must be at least 1, inner_learning_rate positive, tau not negative")
        if not all(0 <= rate <= 1 for rate in (alpha, beta, gamma)):
            raise InputError(f"alpha, beta and gamma must lie between 0 and 1, not {alpha}, {beta} and {gamma}")
        self.embedding_dim = embedding_dim
        self.preference_dim = preference_dim
        self.hidden_dims = tuple(hidden_dims)
        self.slots = slots
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.tau = tau
        self.inner_learning_rate = inner_learning_rate
        self.second_order = second_order
        self.inner_steps = inner_steps
        self.initial_deviation = initial_deviation
        self.estimator = PreferenceEstimator(schema, embedding_dim, preference_dim, self.hidden_dims, initial_deviation)
        layer, size = self.estimator.user_layer, (preference_dim, 2 * preference_dim)
        self.profiles = SlotMemory(slots, (self.estimator.profile_dim,), initial_deviation)
        self.weights = SlotMemory(slots, layer.weight.shape, 0.0)
        self.intercepts = SlotMemory(slots, layer.bias.shape, 0.0)
        # As large as a linear layer's own first weights, so that what is read and mixed keeps its scale.
        self.matrices = SlotMemory(slots, size, (slots / size[1]) ** 0.5)

    @property
    def biases(self) -> dict[str, SlotMemory]:
        """The memories of gradients, by the name of the parameter that they take away from."""
        return {"estimator.user_layer.weight": self.weights, "estimator.user_layer.bias": self.intercepts}

    def attention(self, profile: Tensor) -> Tensor:
        """``a_u``, ``[..., slots]``, of profiles ``[..., profile_dim]``."""
        return attend(profile, self.profiles.values)

    def forward(self, batch: Batch, matrix: Tensor) -> Tensor:
        """Logits ``[batch]`` or ``[batch, classes]`` with one matrix for all rows."""
        return Model.shape_logits(self.estimator(batch, matrix))

    def local_steps(self, support: Batch, query: Batch, outer: bool = False) -> LocalSteps:
        """Read the memories for one user, and take the local steps on the support.

        Args:
            support: rows of one user to adapt to; without any nothing adapts.
            query: other rows of that user.
            outer: whether the result will be differentiated in the parameters.
        """
        with torch.no_grad():
            profile = self.estimator.profile(support if len(support) else query).mean(0)
            attention = self.attention(profile)
        dense = {
            name: parameter if outer else parameter.detach().requires_grad_()
            for name, parameter in self.named_parameters()
            if name not in self.tables
        }
        leaves, (of_support, of_query) = TaskParameters.gather(dense, self.tables, [support.ids, query.ids])
        support, query = support.with_ids(of_support), query.with_ids(of_query)
        start = {**leaves.values, MATRIX: self.matrices.read(attention).requires_grad_()}
        for name, memory in self.biases.items():
            start[name] = start[name] - self.tau * memory.read(attention)
        rates = {name: self.inner_learning_rate for name in start if name not in self.tables}

        def loss(values: Parameters) -> Tensor:
            return cross_entropy(self._logits(values, support), support.label).mean()

        steps = self.inner_steps if len(support) else 0
        adapted = adapt(start, rates, loss, steps, self.second_order and outer)
        return LocalSteps(leaves, attention, profile, start, adapted, query)

    def _logits(self, values: Parameters, batch: Batch) -> Tensor:
        own = {name: value for name, value in values.items() if name != MATRIX}
        found: Tensor = functional_call(self, own, (batch, values[MATRIX]))
        return found

    def query_loss(self, task: Task) -> tuple[TaskParameters, Tensor, dict[str, Tensor]]:
        device = self.run.fabric.device
        found = self.local_steps(task.support.to(device), task.query.to(device), outer=True)
        loss = cross_entropy(self._logits(found.adapted, found.query), found.query.label).mean()
        if len(task.support):
            self.write(found)
        return found.leaves, loss, {}

    @torch.no_grad()
    def write(self, found: LocalSteps) -> None:
        """Write what one task found into the memories."""
        self.profiles.write(found.attention, found.profile, self.alpha)
        for name, memory in self.biases.items():
            gradient = (found.start[name] - found.adapted[name]) / (self.inner_learning_rate * self.inner_steps)
            memory.write(found.attention, gradient, self.beta)
        self.matrices.write(found.attention, found.adapted[MATRIX], self.gamma)

    def outputs_for(self, support: Batch | None, query: Batch) -> tuple[Tensor]:
        if support is None:
            attention = self.attention(self.estimator.profile(query))
            weight, bias = (self.tau * memory.values for memory in self.biases.values())
            logits = self.estimator.by_row(query, attention, weight, bias, self.matrices.values)
            return (to_probability(Model.shape_logits(logits)),)
        # Prediction runs in inference mode, where nothing can be differentiated; the local steps must.
        with torch.inference_mode(False), torch.enable_grad():
            found = self.local_steps(support, query)
        with torch.no_grad():
            return (to_probability(self._logits(found.adapted, found.query)),)
