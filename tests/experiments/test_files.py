import json

import pytest

from keraseq.experiments import files


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.json"
    files.write(target, json.dumps(1))
    with pytest.raises(UnicodeEncodeError):
        files.write(target, "\ud800")
    assert target.read_text() == "1"


def test_what_is_no_object_is_named(tmp_path):
    for text in ("{", "[1]"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ValueError, match=r"bad\.json holds no JSON object; remove it"):
            files.read(tmp_path / "bad.json")


def test_nested_settings_as_dotted_names():
    assert dict(files.flat({"a": {"b": 1, "c": {}}, "d": [2]})) == {"a.b": 1, "a.c": {}, "d": [2]}


def test_removing_what_is_not_there(tmp_path):
    files.remove(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("")
    files.remove(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
