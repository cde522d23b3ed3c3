"""The controls of frameworks that the requirements touch, and the same evidence seen from each framework."""

import re
from typing import Any, Final

from compliance_report.catalogue import Control
from compliance_report.verdicts import Verdicts, worst

OUT_OF_SCOPE: Final = (
    "Out of scope: every control of {framework} that is not listed here, and of those that are, whatever the "
    "requirements do not touch. No compliance with {framework} is claimed."
)


def control_as_data(control: Control) -> dict[str, Any]:
    """A control that a requirement touches, as `report.schema.json` has it."""
    return {
        "framework": control.framework,
        "control": control.control,
        "title": control.title,
        "direction": str(control.direction),
        "note": control.note,
        "fit_checked": control.fit_checked,
    }


def frameworks(verdicts: Verdicts) -> list[dict[str, Any]]:
    """Each framework with each control that a requirement touches: by which, and in which direction."""
    found: dict[str, dict[str, list[tuple[Control, dict[str, Any]]]]] = {}
    for judged in verdicts.requirements:
        for control in judged.requirement.controls:
            touching = {
                "id": judged.requirement.id,
                "title": judged.requirement.title,
                "direction": str(control.direction),
                "note": control.note,
                "fit_checked": control.fit_checked,
                "status": str(judged.status),
            }
            found.setdefault(control.framework, {}).setdefault(control.control, []).append((control, touching))
    return [
        {
            "name": name,
            "out_of_scope": OUT_OF_SCOPE.format(framework=name),
            "controls": [
                {
                    "control": control,
                    "title": touched[0][0].title,
                    "direction": str(worst(one.direction for one, _ in touched)),
                    "requirements": [touching for _, touching in touched],
                }
                for control, touched in sorted(controls.items(), key=lambda item: natural(item[0]))
            ],
        }
        for name, controls in sorted(found.items())
    ]


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts the name of a control as people do: AC-6 before AC-6(9), 10.2.2 after 8.3.2."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.findall(r"[0-9]+|[^0-9]+", name)]


def weakened_controls(verdicts: Verdicts) -> set[tuple[str, str]]:
    """The controls that at least one requirement works against, by framework and number."""
    return {
        (control.framework, control.control)
        for judged in verdicts.requirements
        for control in judged.requirement.weakened
    }
