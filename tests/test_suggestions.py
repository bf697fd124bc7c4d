"""Suggestions: how often the first one is what was meant, and that safe ones can be applied without looking."""

from __future__ import annotations

import cases
import pytest
from test_invalid import CASES, diagnostics_of

import archlang
from archlang.diagnostics import Diagnostic, Replacement
from archlang.fix import fixed, safe_replacements
from archlang.limits import MAX_FIXES

NET = "unit(w) = <dense{w}, ln>\ntrunk = dense64, ln\nwidth = 8\n"  # what the definitions below are misspelt from

# What was written, and what was meant.
SLIPS = [  # of the fingers, in the names of layers
    ("dens256", "dense256"),
    ("desne256", "dense256"),
    ("dnse256", "dense256"),
    ("densee64, ln", "dense64, ln"),
    ("dense64, lnn", "dense64, ln"),
    ("dense64, lm", "dense64, ln"),
    ("dense64, rns", "dense64, rms"),
    ("dense64, rsm", "dense64, rms"),
    ("dense64, swihs", "dense64, swish"),
    ("dense64, swsh", "dense64, swish"),
    ("dense64, swisj", "dense64, swish"),
    ("dense64, reul", "dense64, relu"),
    ("dense64, relux", "dense64, relu"),
    ("dense64, gleu", "dense64, gelu"),
    ("dense64, tnah", "dense64, tanh"),
    ("dense64, thanh", "dense64, tanh"),
    ("dense64, mihs", "dense64, mish"),
    ("dense64, eluu", "dense64, elu"),
    ("dense64, crelus", "dense64, crelu"),
    ("dense64, laeky0.2", "dense64, leaky0.2"),
    ("dense64, leeky", "dense64, leaky"),
    ("dense64, drpout0.1", "dense64, dropout0.1"),
    ("dense64, droput0.1", "dense64, dropout0.1"),
    ("dense64, scael0.1", "dense64, scale0.1"),
    ("dense64, rezeo", "dense64, rezero"),
    ("dense64, rsnrom", "dense64, rsnorm"),
    ("dense64, bnn", "dense64, bn"),
    ("gausian8", "gaussian8"),
    ("guassian8", "gaussian8"),
    ("concatinput", "concat_input"),
    ("concat_inptu", "concat_input"),
    ("rse(ln)", "res(ln)"),
    ("ress(ln)", "res(ln)"),
    ("pra(ln; rms)", "par(ln; rms)"),
    ("l3", "l2"),
    ("idd", "id"),
]
CASED = [  # capitals, and numbers that are glued otherwise
    ("Dense256", "dense256"),
    ("DENSE256", "dense256"),
    ("dense64, ReLU", "dense64, relu"),
    ("dense64, GELU", "dense64, gelu"),
    ("dense64, Tanh", "dense64, tanh"),
    ("dense64, LN", "dense64, ln"),
    ("Res(ln)", "res(ln)"),
    ("dense_256", "dense256"),
    ("dense-256", "dense256"),
    ("dense 256", "dense256"),
    ("dense1_000", "dense1000"),
    ("256dense", "dense256"),
    ("dense(256.0)", "dense(256)"),
    ("dense(1e3)", "dense(1000)"),
    ("dropout.5", "dropout0.5"),
    ("dropout(.5)", "dropout(0.5)"),
    ("res(ln, scale=.1)", "res(ln, scale=0.1)"),
]
DEFINED = [  # definitions, parameters, and numbers in braces
    (f"{NET}net = trnk", f"{NET}net = trunk"),
    (f"{NET}net = truck", f"{NET}net = trunk"),
    (f"{NET}net = Trunk", f"{NET}net = trunk"),
    (f"{NET}net = unti(8)", f"{NET}net = unit(8)"),
    (f"{NET}net = unti8", f"{NET}net = unit8"),
    (f"{NET}net = uint256, ln", f"{NET}net = unit256, ln"),
    (f"{NET}net = dense{{wdith}}", f"{NET}net = dense{{width}}"),
    (f"{NET}net = dense{{widht/2}}", f"{NET}net = dense{{width/2}}"),
    (f"{NET}net = dense{{Width}}", f"{NET}net = dense{{width}}"),
    (f"{NET}net = (ln)*{{with}}", f"{NET}net = (ln)*{{width}}"),
    (f"{NET}net = dense(width)", f"{NET}net = dense({{width}})"),
    (f"{NET}net = res(ln, scale=width)", f"{NET}net = res(ln, scale={{width}})"),
    ("f(width) = dense{widht}\nnet = f(8)", "f(width) = dense{width}\nnet = f(8)"),
    ("f(width) = dense{width}\nnet = f(widht=8)", "f(width) = dense{width}\nnet = f(width=8)"),
    ("f(body, n) = body*{n}\nnet = f(ln, m=8)", "f(body, n) = body*{n}\nnet = f(ln, n=8)"),
    ("f(body) = res(boddy)\nnet = f(ln)", "f(body) = res(body)\nnet = f(ln)"),
    ("norm = ln | rsm\nnet = norm", "norm = ln | rms\nnet = norm"),
    ("act = swish | gleu\nnet = dense8, act", "act = swish | gelu\nnet = dense8, act"),
]
ARGUMENTS = [  # keywords and values
    ("dense(256, bais=false)", "dense(256, bias=false)"),
    ("dense(256, biass=false)", "dense(256, bias=false)"),
    ("dense(256, use_bias=false)", "dense(256, bias=false)"),
    ("dense(256, ini=he)", "dense(256, init=he)"),
    ("dense(256, kernel_init=he)", "dense(256, init=he)"),
    ("dense(units=256)", "dense(features=256)"),
    ("dense(out_features=256)", "dense(features=256)"),
    ("dense(featuers=256)", "dense(features=256)"),
    ("dense(256, bias=False)", "dense(256, bias=false)"),
    ("dense(256, bias=None)", "dense(256, bias=false)"),
    ("dense(256, bias=no)", "dense(256, bias=false)"),
    ("dense(256, bias=flase)", "dense(256, bias=false)"),
    ("dense(256, bias=ture)", "dense(256, bias=true)"),
    ("dense(256, init=hee)", "dense(256, init=he)"),
    ("dense(256, init=kaiming)", "dense(256, init=he)"),
    ("dense(256, init=kaiming_normal)", "dense(256, init=he)"),
    ("dense(256, init=HeNormal)", "dense(256, init=he)"),
    ("dense(256, init=orthogonl)", "dense(256, init=orthogonal)"),
    ("dense(256, init=orthogonal_)", "dense(256, init=orthogonal)"),
    ("dense(256, init=he(2))", "dense(256, init=he)"),
    ("dense(256, init=zero)", "dense(256, init=zeros)"),
    ("dense(256, init=Zeros)", "dense(256, init=zeros)"),
    ("dense(256, init=lecun)", "dense(256, init=lecun_uniform)"),
    ('dense(256, init="he")', "dense(256, init=he)"),
    ("dropout(p=0.5)", "dropout(rate=0.5)"),
    ("dropout(drop_rate=0.5)", "dropout(rate=0.5)"),
    ("dropout(raet=0.5)", "dropout(rate=0.5)"),
    ("leaky(negative_slope=0.2)", "leaky(slope=0.2)"),
    ("leaky(alpha=0.2)", "leaky(slope=0.2)"),
    ("scale(init_values=0.1)", "scale(init=0.1)"),
    ("gaussian(num_actions=3)", "gaussian(action_dim=3)"),
    ("gaussian(actiondim=3)", "gaussian(action_dim=3)"),
    ("res(ln, scal=0.1)", "res(ln, scale=0.1)"),
    ("res(ln, gate=highwy)", "res(ln, gate=highway)"),
    ("res(ln, gate=sigmoidd)", "res(ln, gate=sigmoid)"),
    ("res(ln, gate=Highway)", "res(ln, gate=highway)"),
    ("res(ln, psot=rms)", "res(ln, post=rms)"),
    ("res(ln, post=lnn)", "res(ln, post=ln)"),
    ("par(ln; rms, join=cat)", "par(ln; rms, join=concat)"),
    ("par(ln; rms, join=concatenate)", "par(ln; rms, join=concat)"),
    ("par(ln; rms, join=add)", "par(ln; rms, join=sum)"),
    ("par(ln; rms, jion=concat)", "par(ln; rms, join=concat)"),
    ("par(ln; rms, merge=concat)", "par(ln; rms, join=concat)"),
]
ANNOTATED = [
    ("@remt(full) ln*3", "@remat(full) ln*3"),
    ("@rematt(full) ln*3", "@remat(full) ln*3"),
    ("@checkpoint(full) ln*3", "@remat(full) ln*3"),
    ("@remat(ful) ln*3", "@remat(full) ln*3"),
    ("@remat(dot) ln*3", "@remat(dots) ln*3"),
    ("@remat(dots_saveable) ln*3", "@remat(dots) ln*3"),
    ("@remat(nothing_saveable) ln*3", "@remat(full) ln*3"),
    ("@unrol(2) ln*3", "@unroll(2) ln*3"),
    ("@dytpe(bf16) ln", "@dtype(bf16) ln"),
    ("@precision(bf16) ln", "@dtype(bf16) ln"),
    ("@dtype(bfloat16) ln", "@dtype(bf16) ln"),
    ("@dtype(float32) ln", "@dtype(f32) ln"),
    ("@dtype(bf61) ln", "@dtype(bf16) ln"),
]
ELSEWHERE = [  # as torch, keras, flax and timm call it
    ("linear256", "dense256"),
    ("Linear(256)", "dense(256)"),
    ("nn.Linear(256)", "dense(256)"),
    ("nn.Dense(256)", "dense(256)"),
    ("fc256, ln", "dense256, ln"),
    ("dense8, layernorm", "dense8, ln"),
    ("dense8, layer_norm", "dense8, ln"),
    ("dense8, LayerNorm", "dense8, ln"),
    ("dense8, LayerNormalization", "dense8, ln"),
    ("dense8, nn.LayerNorm", "dense8, ln"),
    ("dense8, nn.LayerNorm()", "dense8, ln"),
    ("dense8, layrnorm", "dense8, ln"),
    ("dense8, RMSNorm", "dense8, rms"),
    ("dense8, rms_norm", "dense8, rms"),
    ("dense8, BatchNorm1d", "dense8, bn"),
    ("dense8, BatchNormalization", "dense8, bn"),
    ("dense8, batchnorm", "dense8, bn"),
    ("dense8, l2_normalize", "dense8, l2"),
    ("dense8, UnitNormalization", "dense8, l2"),
    ("dense8, silu", "dense8, swish"),
    ("dense8, SiLU", "dense8, swish"),
    ("dense8, nn.SiLU()", "dense8, swish"),
    ("dense8, leaky_relu", "dense8, leaky"),
    ("dense8, LeakyReLU(negative_slope=0.2)", "dense8, leaky(slope=0.2)"),
    ("dense8, ReLU()", "dense8, relu"),
    ("dense8, identity", "dense8, id"),
    ("dense8, nn.Identity()", "dense8, id"),
    ("dense8, none", "dense8, id"),
    ("dense8, nn.Dropout(p=0.1)", "dense8, dropout(rate=0.1)"),
    ("dense8, drop0.1", "dense8, dropout0.1"),
    ("dense8, LayerScale(init_values=0.1)", "dense8, scale(init=0.1)"),
    ("residual(ln)", "res(ln)"),
    ("skip(dense8)", "res(dense8)"),
    ("resblock(dense8)", "res(dense8)"),
    ("parallel(ln; rms)", "par(ln; rms)"),
    ("dense8, normal3", "dense8, gaussian3"),
    ("Dense(units=256, use_bias=false)", "dense(features=256, bias=false)"),
]
LOOK_ALIKES = [
    ("dеnse256", "dense256"),  # a Cyrillic е
    ("rеs(ln)", "res(ln)"),
    ("dense２５６", "dense256"),
    ("４x<dense8, ln>", "4x<dense8, ln>"),
    ("4×<dense8, ln>", "4x<dense8, ln>"),
    ("dense8，ln", "dense8,ln"),
    ("res（ln）", "res(ln)"),
    ("⟨dense8, ln⟩", "<dense8, ln>"),
    ("res(ln)∗4", "res(ln)*4"),
    ("res(ln)·4", "res(ln)*4"),
    ("ｓwish", "swish"),
    ("norm = ln ｜ rms\nnet = norm", "norm = ln | rms\nnet = norm"),
    ("dense8,\u00a0ln", "dense8, ln"),
    ("dense8\u200b, ln", "dense8, ln"),
    ("dense8 → ln", "dense8 , ln"),
    ("ln, dense٣", "ln, dense3"),
    ("net = dense{8–4}", "net = dense{8-4}"),
]
SYNTAX = [
    ("dense256 ln", "dense256, ln"),
    ("<dense256 ln>", "<dense256, ln>"),
    ("<dense256 ln swish>", "<dense256, ln, swish>"),
    ("dense(256 bias=false)", "dense(256, bias=false)"),
    ("res(dense8 ln)", "res(dense8, ln)"),
    ("res(ln) dense8", "res(ln), dense8"),
    ("(ln)(rms)", "(ln), (rms)"),
    ("dense256, ln,", "dense256, ln"),
    ("<dense256, ln,>", "<dense256, ln>"),
    ("widths = [512, 256,]\nnet = dense{widths}", "widths = [512, 256]\nnet = dense{widths}"),
    ("widths = [512 256]\nnet = dense{widths}", "widths = [512, 256]\nnet = dense{widths}"),
    ("par(ln; rms;)", "par(ln; rms)"),
    ("(ln)**4", "(ln)*4"),
    ("norm = ln || rms\nnet = norm", "norm = ln | rms\nnet = norm"),
    ("norm = ln or rms\nnet = norm", "norm = ln | rms\nnet = norm"),
    ("dense8 -> ln -> rms", "dense8, ln, rms"),
    ("dense8 |> ln", "dense8, ln"),
    ("ln() ", "ln "),
    ("ln // and then nothing", "ln # and then nothing"),
    ("w = 2; net = dense{w}", "w = 2\n net = dense{w}"),
    ("w = 8\nnet = dense{w//2}", "w = 8\nnet = dense{w/2}"),
    ("dense8)", "dense8"),
    ('import "mlp.arch"\nact = ln', 'use "mlp.arch"\nact = ln'),
    ("use 'mlp.arch'\nact = ln", 'use "mlp.arch"\nact = ln'),
    ('use "mlp"\nact = ln', 'use "mlp.arch"\nact = ln'),
    ('use "wang2025/bas.arch"\ndepth = 8', 'use "wang2025/base.arch"\ndepth = 8'),
    ("res(ln; scale=0.1)", "res(ln, scale=0.1)"),
    ("dense[512, 256]", "dense([512, 256])"),
    ("res[ln]", "res(ln)"),
    ("ln*(4)", "ln*4"),
    ("4*ln", "4x ln"),
    ("dense256ln", "dense256, ln"),
]
UNSEEN = [  # written down after everything above, so that nothing was fitted to them
    ("denes32, ln", "dense32, ln"),
    ("dense32, tahn", "dense32, tanh"),
    ("dense32, sacle0.5", "dense32, scale0.5"),
    ("dense32, dropot0.5", "dense32, dropout0.5"),
    ("dense32, layernrom", "dense32, ln"),
    ("dense32, batch_nrom", "dense32, bn"),
    ("dense32, rezreo", "dense32, rezero"),
    ("dense32, resiual(dense32)", "dense32, res(dense32)"),
    ("paralel(ln; rms)", "par(ln; rms)"),
    ("linaer32", "dense32"),
    ("dense32, sillu", "dense32, swish"),
    ("dense32, leakyrelu", "dense32, leaky"),
    ("gaussain3", "gaussian3"),
    ("dense(32, inti=he)", "dense(32, init=he)"),
    ("dense(32, init=orthgonal)", "dense(32, init=orthogonal)"),
    ("res(ln, scael=0.5)", "res(ln, scale=0.5)"),
    ("res(ln, gate=sigmod)", "res(ln, gate=sigmoid)"),
    ("@dtype(bf_16) ln", "@dtype(bf16) ln"),
    ("@ramat(dots) ln*3", "@remat(dots) ln*3"),
    ("depth = 8\nnet = ln*{dpeth/4}", "depth = 8\nnet = ln*{depth/4}"),
    ("block(n) = ln*{n}\nnet = blcok(4)", "block(n) = ln*{n}\nnet = block(4)"),
    ("dense32 , , ln", "dense32 , ln"),
]
TABLE = [*SLIPS, *CASED, *DEFINED, *ARGUMENTS, *ANNOTATED, *ELSEWHERE, *LOOK_ALIKES, *SYNTAX, *UNSEEN]
REST = "\nsa_encoder = dense8\ng_encoder = dense8"
ROLES = [
    (f"actr = dense8, gaussian{REST}", "actor"),
    (f"acotr = dense8, gaussian{REST}", "actor"),
    (f"policy = dense8, gaussian{REST}", "actor"),
    ("actor = dense8, gaussian\nsaencoder = dense8\ng_encoder = dense8", "sa_encoder"),
    ("actor = dense8, gaussian\nsa_encoder = dense8\ngoal_encoder = dense8", "g_encoder"),
]


def first_suggestion(text: str, options: dict[str, str]) -> Replacement | None:
    found = diagnostics_of(text, options)
    return found[0].replacement if found else None


def mended(text: str, right: str, options: dict[str, str] | None = None) -> str:
    """The text with the first suggestion made, again and again until it is right, or there is none."""
    for _ in range(MAX_FIXES):
        edit = first_suggestion(text, options or {})
        if text == right or edit is None:
            break
        text = fixed(edit.span.source, [edit])
    return text


def test_the_first_suggestion_is_what_was_meant() -> None:
    missed = [(wrong, got, right) for wrong, right in TABLE if (got := mended(wrong, right)) != right]
    share = 1 - len(missed) / len(TABLE)
    print(f"{len(TABLE) - len(missed)} of {len(TABLE)} suggestions are right: {share:.1%}")
    assert share >= 0.95, missed


def errors_of(text: str, options: dict[str, str]) -> list[Diagnostic]:
    return [found for found in diagnostics_of(text, options) if found.severity == "error"]


def test_every_slip_is_told() -> None:
    assert [wrong for wrong, _ in TABLE if not diagnostics_of(wrong, {})] == []
    assert [right for _, right in TABLE if errors_of(right, {"in": "8"}) and errors_of(right, {"env": ""})] == []


@pytest.mark.parametrize(("text", "role"), ROLES)
def test_a_misspelt_role_is_suggested(text: str, role: str) -> None:
    edit = first_suggestion(text, {"env": ""})
    assert edit is not None
    assert archlang.parse(fixed(edit.span.source, [edit])).bind(action_dim=2).networks.keys() >= {role}


# --- safe replacements ------------------------------------------------------------------------------------------------

Told = tuple[str, str]  # code and message


def told(diagnostics: tuple[Diagnostic, ...]) -> list[Told]:
    return [(diagnostic.code, diagnostic.message) for diagnostic in diagnostics]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_safe_replacement_takes_its_mistake_away_and_adds_none(case: cases.Case) -> None:
    before = diagnostics_of(case.program, case.options)
    for diagnostic in before:
        edit = diagnostic.replacement
        if edit is None or not edit.safe:
            continue
        left = told(before)
        left.remove((diagnostic.code, diagnostic.message))
        for mistake in told(diagnostics_of(fixed(edit.span.source, [edit]), case.options)):
            assert mistake in left, edit
            left.remove(mistake)


@pytest.mark.parametrize("text", [*(case.program for case in CASES), *(wrong for wrong, _ in TABLE)])
def test_safe_replacements_come_to_an_end(text: str) -> None:
    for _ in range(MAX_FIXES):
        found = diagnostics_of(text, {"in": "8"})
        own = [d.replacement.span.source for d in found if d.replacement and d.replacement.span.source.path is None]
        edits = safe_replacements(found, own[0]) if own else []
        if not edits:
            return
        text = fixed(own[0], edits)
    raise AssertionError(text)


def test_some_replacements_are_safe() -> None:
    edits = [d.replacement for case in CASES for d in diagnostics_of(case.program, case.options) if d.replacement]
    assert sum(edit.safe for edit in edits) > 50
    assert sum(not edit.safe for edit in edits) > 50
