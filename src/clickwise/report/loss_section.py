"""The section of the report on which loss trained which example."""

from clickwise.report.controller import controller_figure
from clickwise.report.markup import figure, group, paragraph, section
from clickwise.report.reading import Results, ranked, title

NOTE = (
    "Probability that the controller gives each candidate loss, by label and by what the model predicts of that label, "
    "after the first, the middle and the last epoch up to the one that is best on validation rows; of the first seed."
)


def losses_section(results: Results) -> str:
    """A picture for each method whose controller weighed losses; empty where there is none."""
    told = {name: results["methods"][name].get("loss_weights") for name in ranked(results)}
    drawn = [
        figure(
            controller_figure(found["weights"], found["losses"], found["epochs"], found["labels"]),
            f"losses-{place}",
            f"Probabilities of the losses through training, {title(results, name)}",
            title(results, name),
        )
        for place, (name, found) in enumerate(told.items())
        if found is not None
    ]
    if not drawn:
        return ""
    return section("losses", "Which loss for which example", paragraph(NOTE, note=True), group("pair", *drawn))
