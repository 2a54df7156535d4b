"""Controls of adaptive methods: plain fine-tuning on the rows that an adaptive method adapts to or learns from."""

from collections.abc import Sequence
from functools import cached_property
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import UserEpisodes, check_order
from clickwise.errors import InputError
from clickwise.losses import cross_entropy
from clickwise.methods.controls import Stacking, stacking_weights
from clickwise.methods.inner import Adaptable
from clickwise.methods.method import Before, Method, Run, to_probability
from clickwise.methods.mixture import supervised_copy
from clickwise.methods.personal import PersonalMethod
from clickwise.methods.supervised import Supervised
from clickwise.methods.unseen import OnUnseenRows, common_schema_of
from clickwise.metrics.pointwise import label_probability, negative_log

RATES = (0.0, 0.03, 0.1, 0.2, 0.4, 0.8)
JUDGED_USERS = 1000


class UserFineTuning(PersonalMethod):
    """A trained model, fine-tuned for each user by gradient steps on the user's support: MetaSelector without "meta".

    Args:
        model: the trained model; it stays as it is.
        learning_rate: of the steps, for all parameters. Chosen on validation rows of up to 1,000 users where None:
            one half of a user's rows joins the support, the other is predicted. 0 leaves the model as it is.
        inner_steps: gradient steps.
        support_size: rows of a user to adapt to at most, the latest ones.
        prior_rows: the steps of a user with n rows of support are ``n / (n + prior_rows)`` of whole ones.
        shuffle_users: fine-tune on another user's rows.
    """

    iterates = False
    rate: Tensor

    def __init__(
        self,
        model: nn.Module,
        learning_rate: float | None = None,
        inner_steps: int = 1,
        support_size: int = 2048,
        prior_rows: float = 64.0,
        shuffle_users: bool = False,
    ) -> None:
        schema = common_schema_of([model])
        super().__init__(schema, support_size, shuffle_users)
        if inner_steps < 1 or prior_rows < 0 or (learning_rate is not None and learning_rate < 0):
            raise InputError("inner_steps must be at least 1, prior_rows and learning_rate at least 0")
        self.model = supervised_copy(model)
        self.learning_rate = learning_rate
        self.inner_steps = inner_steps
        self.prior_rows = prior_rows
        self.size = schema.size
        self.register_buffer("rate", torch.tensor(0.0 if learning_rate is None else learning_rate))

    @cached_property
    def adaptable(self) -> Adaptable:
        """The network with one rate for all its parameters."""
        return Adaptable.of(
            self.model.model,
            self.size,
            lambda leaves: {name: self.rate for name, value in leaves.values.items() if value.requires_grad},
            lambda logits, support: cross_entropy(logits, support.label).mean(),
            self.inner_steps,
            self.prior_rows,
        )

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.remember(train)
        self.eval()
        if self.learning_rate is None:
            if valid is None:
                raise InputError("fine-tuning for each user chooses its learning rate on validation rows; give it some")
            losses = [self._valid_loss(rate, train, valid) for rate in RATES]
            self.rate.fill_(RATES[int(np.nanargmin(losses))])

    def _valid_loss(self, rate: float, train: ClickLog, valid: ClickLog) -> float:
        self.rate.fill_(rate)
        tasks = UserEpisodes(train, valid, 1, 0.5, self.support_size, "random", self.shuffle_users)
        total, rows, device = 0.0, 0, self.rate.device
        for episode, _ in zip(tasks.epoch(0, 0), range(JUDGED_USERS), strict=False):
            query = episode[0].query.to(device)
            probability = self.outputs_for(episode[0].support.to(device), query)[0]
            # A rate that is too high gives NaN, which may not be refused here.
            said = label_probability(query.label.cpu().numpy(), probability.cpu().numpy())
            total, rows = total + float(negative_log(said).sum()), rows + len(query)
        return total / rows

    def outputs_for(self, support: Batch | None, query: Batch) -> tuple[Tensor]:
        if support is None:
            return (self.model.predict(query),)
        with torch.inference_mode(False), torch.enable_grad():
            _, adapted, query = self.adaptable.adapt(support, query)
        with torch.no_grad():
            return (to_probability(functional_call(self.model.model, adapted, (query,))),)


class FineTunedStacking(OnUnseenRows, Stacking):
    """Models fine-tuned, all users together, on the rows that a MetaSelector over them learns from; then stacked.

    It tells what those rows are worth without any adaptation to users. Its weights minimise LogLoss on the rows that
    epochs are judged on.

    Args:
        models: trained models, of one schema; they stay as they are.
        learning_rate: of Adam.
        batch_size: rows a step.
        order: which of a user's validation rows are learned from, as in ``MetaSelector``.
    """

    def __init__(
        self, models: Sequence[nn.Module], learning_rate: float = 3e-4, batch_size: int = 500, order: str = "time"
    ) -> None:
        super().__init__(models)
        check_order(order)
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.order = order
        self.pretrain, self.pretrain_share = False, 0.5
        # FTRL's weights follow from its state alone and would start anew, so all models take Adam.
        self.models = nn.ModuleList(
            Supervised(own.model, "adam", learning_rate, own.weight_decay, batch_size)
            for own in map(supervised_copy, self.models)
        )

    def before(self, train: ClickLog, valid: ClickLog | None) -> list[Before]:
        _, fresh = self.divide(train, valid)
        judged = self.monitored(valid)
        return [Before(f"model-{index}", cast(Method, model), fresh, judged) for index, model in enumerate(self.models)]

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        judged = self.monitored(valid)
        assert judged is not None
        self.weights.copy_(stacking_weights([cast(Method, model) for model in self.models], judged))
