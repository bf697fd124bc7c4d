"""What the compiler knows of an environment."""

import pytest

import archlang

TOY = archlang.Environment("toy", state_dim=10, goal_dim=3, action_dim=2)


@pytest.mark.parametrize(("role", "width"), [("actor", 13), ("sa_encoder", 12), ("g_encoder", 3)])
def test_each_role_has_its_width(role: str, width: int) -> None:
    assert TOY.in_features(role) == width


def test_another_name_has_none() -> None:
    with pytest.raises(ValueError, match=r"to actor, sa_encoder, g_encoder; got 'net'"):
        TOY.in_features("net")
