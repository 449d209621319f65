import json

import numpy as np
import pytest
from traffic.evaluate import Truth, by_frame, evaluate, main, read_truth
from traffic.stage import BadInput

FRAMES = 10


def straight(x0, y, *, frames=range(1, FRAMES + 1), step=5.0):
    return np.array([[f, x0 + step * f, y, 20.0, 10.0] for f in frames])


def truth_of(tracks, *, hidden=()):
    rows = [[row[0], number, *row[1:]] for number, table in tracks.items() for row in table.tolist()]
    return Truth(
        counted=by_frame([row for row in rows if (row[0], row[1]) not in hidden]),
        ignored=by_frame([row for row in rows if (row[0], row[1]) in hidden]),
    )


TWO = {1: straight(0, 0), 2: straight(0, 100)}


def test_the_truth_itself_is_perfect():
    result = evaluate(truth_of(TWO), TWO)
    assert (result.mota, result.idf1, result.recall, result.precision) == (1, 1, 1, 1)
    assert (result.id_switches, result.true_vehicles, result.found_vehicles) == (0, 2, 2)


def test_names_do_not_matter():
    assert evaluate(truth_of(TWO), {7: TWO[2], 3: TWO[1]}).idf1 == 1


def test_a_missed_vehicle():
    result = evaluate(truth_of(TWO), {1: TWO[1]})
    assert (result.mota, result.recall, result.precision) == (0.5, 0.5, 1)
    assert result.idf1 == pytest.approx(2 * 10 / (20 + 10), abs=1e-4)


def test_an_invented_vehicle():
    result = evaluate(truth_of(TWO), TWO | {3: straight(0, 200)})
    assert (result.mota, result.recall) == (0.5, 1)
    assert result.precision == pytest.approx(20 / 30, abs=1e-4)


def test_a_track_that_breaks_is_one_switch():
    broken = {1: straight(0, 0, frames=range(1, 7)), 2: straight(0, 0, frames=range(7, 11))}
    result = evaluate(truth_of({1: TWO[1]}), broken)
    assert (result.id_switches, result.mota) == (1, 0.9)
    assert result.idf1 == pytest.approx(2 * 6 / 20, abs=1e-4)


def test_swapped_names_are_two_switches():
    half = FRAMES // 2
    swapped = {
        1: np.vstack([TWO[1][:half], TWO[2][half:]]),
        2: np.vstack([TWO[2][:half], TWO[1][half:]]),
    }
    result = evaluate(truth_of(TWO), swapped)
    assert (result.id_switches, result.recall, result.idf1) == (2, 1, 0.5)


def test_too_little_overlap_is_a_miss_and_a_false_alarm():
    result = evaluate(truth_of({1: TWO[1]}), {1: straight(14, 0)})
    assert (result.recall, result.mota) == (0, -1)


def test_a_match_is_kept_while_it_holds():
    true = {1: np.array([[1, 0, 0, 20, 10], [2, 0, 0, 20, 10]], float)}
    found = {
        1: np.array([[1, 0, 0, 20, 10], [2, 6, 0, 20, 10]], float),
        2: np.array([[2, 0, 0, 20, 10]], float),
    }
    assert evaluate(truth_of(true), found).id_switches == 0


def test_what_cannot_be_seen_is_neither_missed_nor_false():
    hidden = {(float(f), 1) for f in (4, 5, 6)}
    seen_only = {1: np.array([row for row in TWO[1] if row[0] not in (4, 5, 6)])}
    assert evaluate(truth_of({1: TWO[1]}, hidden=hidden), seen_only).mota == 1
    assert evaluate(truth_of({1: TWO[1]}, hidden=hidden), {1: TWO[1]}).mota == 1


def test_nothing_found():
    assert evaluate(truth_of(TWO), {}).mota == 0


def test_ground_truth_beyond_the_frames_looked_at_does_not_count(clip):
    truth = read_truth(clip / "ground_truth.csv", frames=10)
    assert max(truth.counted) == 10


def test_an_empty_ground_truth_is_refused(tmp_path):
    (tmp_path / "empty.csv").write_text("visible,frame,id,x,y,w,h\n")
    with pytest.raises(BadInput, match="no ground truth"):
        read_truth(tmp_path / "empty.csv")


def test_the_program_prints_the_scores(clip, capsys):
    path = str(clip / "ground_truth.csv")
    assert main([path, path]) == 0
    assert json.loads(capsys.readouterr().out)["recall"] == 1
    assert main([path, "nowhere.csv"]) == 2
    assert "nowhere.csv" in capsys.readouterr().err
