"""Parameters of an ablation over depth and norm, before anything is launched. Needs no jax.

python examples/ablation_table.py
"""

import archlang

ABLATION = """
width = 256
depth = 64
norm  = ln

unit  = <dense{width}, norm, swish>
trunk = unit, res(4x unit)*{depth/4}

actor      = trunk, gaussian
sa_encoder = trunk, dense64
g_encoder  = trunk, dense64
"""
HUMANOID = archlang.Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17)


def main() -> None:
    spec = archlang.parse(ABLATION)
    for norm in ("ln", "rms", "id"):
        for depth in (4, 64, 1024):
            report = archlang.check(spec.bind(depth=depth, norm=norm), env=HUMANOID)
            print(f"{norm:4} {depth:5} {report.params:12,}")


if __name__ == "__main__":
    main()
