"""What the contestants of ``benchmarks.sequences`` have in common; sizes not named here are of the package."""

MODELS = ("din", "dien", "dien-auxiliary")
MODULES = {"clickwise": "sequences_ours", "fuxictr": "sequences_fuxictr", "deepctr-torch": "sequences_deepctr"}
BATCH_SIZE = 2_000  # of scoring too
ATTENTION_HIDDEN_DIMS = (36,)
