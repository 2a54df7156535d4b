"""What was found: artefacts of ``clickwise reproduce``, kept, and the pages of ``docs/results`` that are made of them.

``python -m findings add FOLDER/ARTEFACT.json`` keeps an artefact; ``python -m findings build`` writes the pages.
"""
