"""Parameters of an ablation over depth and norm, before anything is launched. Needs no jax.

python examples/ablation_table.py
"""

import archlang

ABLATION = """
use "wang2025/base.arch"

depth = 4 | 64 | 1024
norm  = ln | rms | id
unit  = <dense{width}, norm, swish>
"""
HUMANOID = archlang.Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17)


def main() -> None:
    for point, report in archlang.expand(archlang.read(ABLATION), env=HUMANOID):
        print(f"{point.values['depth']:>5} {point.values['norm']:4} {report.params:12,}")


if __name__ == "__main__":
    main()
