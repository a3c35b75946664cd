"""What fields mean whose names say it already, for the description of the service.

A field that needs more than its name is described where it is declared; a test holds that each
field of each schema has one description or the other.
"""

from __future__ import annotations

#: Fields that mean the same in every schema.
EVERYWHERE: dict[str, str] = {
    "application": "Name of the application profile.",
    "cell": "What stands at a crosspoint.",
    "dataset_version": "Version of the data, for a citation.",
    "maximum": "Upper end of what is known, in the unit of the metric.",
    "metric": "What is judged, with its unit as suffix; ratios and counts have none.",
    "minimum": "Lower end of what is known, in the unit of the metric.",
    "note": "Doubts, and why it is so.",
    "quoted": "The words or number of the source.",
    "read": "What the lines that are not selected do while one cell is read.",
    "references": "Publications behind it: keys of the references, separated by spaces.",
    "source": "Where it comes from.",
    "structure": "Stack of the device, as printed.",
    "summary": "What it is about, in a few sentences.",
    "title": "Its title.",
    "unit": "Unit; `1` for a pure number.",
    "word": "The value, where it is a word.",
}

_RUN = {
    "id": "Number of the run.",
    "state": "Where the run stands.",
    "attempts": "How often it was begun.",
    "started_at": "When it was begun last (UTC).",
    "finished_at": "When it ended (UTC); null before.",
    "duration_s": "Seconds from its last beginning to its end; null before that.",
    "counts": "What it found and what it cost; null before its end.",
    "failure": "Why it failed, or was interrupted; null otherwise.",
}

#: Fields of one schema.
OF: dict[str, dict[str, str]] = {
    "ArrayLimit": {"root_best_pull_up": "The real N at the pull-up that allows most; 0 for none."},
    "Ask": {"asks": "What the application needs."},
    "Assessment": {
        "verdict": "What the evidence says.",
        "grade": "How good the evidence is.",
    },
    "Assumption": {"name": "What is assumed."},
    "CalculationDocument": {
        "id": "Name of the calculation.",
        "key": "Content key: the same for the same work.",
        "kind": "What is computed, e.g. `neb`: a migration barrier.",
        "state": "Where the calculation stands.",
        "material": "Material, by its public name; null before there is one.",
        "parameters": "What was asked for: lengths in Å, forces in eV/Å.",
        "result": "What came out, energies in eV, lengths in Å; null until it is done.",
        "failure_kind": "Why there is no number; null unless it failed.",
        "failure_message": "The failure in a sentence; null unless it failed.",
        "versions": "Versions of the programs that computed it; null until it ends.",
        "attempts": "How often it was started.",
        "priority": "Larger numbers are computed first.",
        "created_at": "When it was asked for (UTC).",
        "started_at": "When it last started (UTC); null before.",
        "finished_at": "When it ended (UTC); null before.",
        "cancel_requested_at": "When its worker was asked to stop (UTC); null: it was not.",
    },
    "Criterion": {
        "bounds": "Which values are good.",
        "scale": "Scale on which values are compared.",
        "weight": "Weight among the criteria, before it is divided by their sum.",
        "basis": "What the bounds rest on.",
        "readings": "Other readings of a doubtful requirement.",
    },
    "CrossCheck": {"method": "Method of pymcdm."},
    "CrossbarDocument": {
        "margin": "Read margin to be kept, as a fraction of the read voltage.",
        "limits": "The largest array of each kind of cell under each read scheme.",
        "exact": "Margins from the whole circuit, where a size was asked for.",
        "assumptions": "Everything assumed.",
        "notes": "What a reader must know.",
    },
    "DeviceArray": {
        "device": "Id of the device.",
        "on_off_qualifier": "What the source puts before the ratio; null: it stands alone.",
        "size_best_pull_up": "1R, floating lines, at the pull-up that allows most.",
    },
    "ExactRead": {"size": "N of the N × N array."},
    "Change": {
        "action": "Whether the row is added, supersedes another one, or is there already.",
        "table": "Table of the row.",
        "file": "Name of the import.",
        "line": "Line of the row.",
        "summary": "The row in short.",
        "supersedes": "Id of the row that it corrects; null: none.",
        "differences": "Columns in which it differs from that one.",
    },
    "Counts": {
        "added": "Rows added.",
        "superseding": "Rows added that correct others.",
        "already_there": "Rows that the store holds already.",
    },
    "Difference": {
        "column": "Name of the column.",
        "before": "Its value there; null: empty.",
        "after": "Its value now; null: empty.",
    },
    "FileProblem": {
        "file": "Name of the import.",
        "line": "Line; null where it is about the whole.",
        "column": "Field; null where it is about the row.",
        "value": "Its value; null where there is none.",
        "reason": "What is wrong, and what to write instead.",
    },
    "ImportReport": {
        "dry_run": "Whether nothing was changed.",
        "counts": "Rows by table and what becomes of them.",
        "changes": "The first hundred rows and what becomes of them.",
        "warnings": "Doubts that did not stop it.",
    },
    "Host": {
        "symbols": "Elements of the n atoms.",
        "cell_ang": "Cell vectors: 3 × 3, rows a, b, c, in Å.",
        "positions_ang": "Cartesian positions: n × 3, in Å.",
    },
    "IonKinetics": {
        "barrier_min_ev": "Lower end of the barrier, in eV.",
        "document": "What follows from the barrier.",
    },
    "KineticsAnswer": {
        "asked": "What was asked for, in words.",
        "ions": "One entry for each ion and barrier.",
        "notes": "What a reader must know.",
    },
    "KineticsDocument": {
        "ion": "The ion that moves.",
        "quantities": "Rates, times and lengths, each an interval.",
        "assumptions": "Everything assumed.",
        "notes": "What a reader must know.",
    },
    "Known": {"grade": "How good the evidence is."},
    "PostedRequest": {
        "kind": "What is computed.",
        "potential": "Potential that computes it.",
        "settings": "Numerical settings.",
    },
    "PostedSettings": {
        "fmax_cell_ev_per_ang": "Largest force at which the cell counts as relaxed, eV/Å.",
        "fmax_endpoint_ev_per_ang": "Largest force at which an end point is relaxed, eV/Å.",
        "max_steps_cell": "Most steps of the relaxation of the cell.",
        "max_steps_endpoint": "Most steps of the relaxation of an end point.",
        "max_steps_neb": "Most steps of the NEB.",
    },
    "Liveness": {
        "status": "`ok`: the service answers.",
        "version": "Version of pvkdb.",
    },
    "Profile": {
        "name": "Name of the application.",
        "devices": "Criteria on devices.",
        "materials": "Criteria on materials.",
        "not_judged": "What it needs without a number, or in a metric that no source reports.",
    },
    "Quantity": {
        "name": "What is estimated.",
        "equation": "The equation, with its source.",
    },
    "RankedCandidate": {
        "rank": "Place, from 1; equal evidence shares a place.",
        "id": "Id of the device, the claim or the material.",
        "label": "What people call it.",
        "shown": "Score, 0 to 1, as far as the evidence shows it.",
        "expected": "Mean score, 0 to 1, over all that the evidence allows.",
        "possible": "Best score, 0 to 1, that the evidence allows.",
        "met": "Criteria that are met.",
        "not_demonstrated": "Criteria on which only an insufficient lower bound is known.",
        "unknown": "Criteria on which nothing is known.",
        "topsis_rank": "Place by TOPSIS on the same desirabilities.",
        "spotis_rank": "Place by SPOTIS on the same desirabilities.",
        "under_readings": "Where it stands under other readings of doubtful requirements.",
        "criteria": "Each criterion held against the evidence.",
        "also_known": "What is known on metrics that the profile does not ask for.",
    },
    "LostCandidate": {"formula": "Its formula."},
    "PassedCandidate": {"formula": "Its formula.", "rank": "Its rank now; null: it has none."},
    "RankChange": {
        "formula": "Its formula.",
        "before": "Its rank then; null: it had none.",
        "after": "Its rank now; null: it has none.",
    },
    "RunCounts": {"compositions": "That the plan made.", "failed": "Calculations that failed."},
    "RunDocument": _RUN,
    "ScreeningDocument": _RUN,
    "StageCount": {
        "stage": "Name of the stage.",
        "entered": "Candidates that entered it.",
        "passed": "Candidates that passed it.",
        "fell": "Candidates that fell in it, by kind.",
    },
    "Differences": {
        "new": "Candidates that pass now and did not before.",
        "lost": "Candidates that passed before and do not now.",
        "moved": "Candidates that pass as before, at another rank.",
    },
    "Ranking": {
        "subject": "What is ranked: devices or materials.",
        "order": "The score that decides.",
        "samples": "Random weights and values that were drawn.",
        "seed": "Seed of the random numbers.",
        "not_judged": "What the application needs and nobody can judge from numbers.",
        "candidates": "Candidates, best first.",
        "cross_checks": "The same order by other methods.",
    },
    "Reading": {"name": "Name of the reading.", "bounds": "Which values are good under it."},
    "UnderReading": {
        "rank": "Place under the reading.",
        "shown": "Score under the reading.",
        "failures": "Requirements that are not met under the reading.",
    },
}
