"""Sixteen numbers at a time inside compiled code: a small vector type for numba.

Loops over arrays that may overlap are left scalar by the compiler, or guarded by tests on every entry, which for rows of
sixteen weights costs more than the work. ``Lanes`` says outright what belongs together: one 512-bit register of
float32 where there is one, several smaller registers elsewhere, two for float64.

Numbers are read from and written to a ``Span``, ``LANES`` from a position on, which counts elements.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, overload, register_model

from ersm_lab.papers.slem.engine.spans import instruction, scalar

LANES = 16
ROUNDER = {types.float32: 1.5 * 2.0**23, types.float64: 1.5 * 2.0**52}  # adding it rounds to whole numbers


class Lanes(types.Type):
    """``LANES`` numbers of one dtype, held by value."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        super().__init__(dmm, fe_type, _vector(fe_type.dtype))


def _vector(dtype: types.Float) -> ir.Type:
    return ir.VectorType(scalar(dtype), LANES)


def _integer(dtype: types.Float) -> ir.IntType:
    return ir.IntType(dtype.bitwidth)


def _constant(dtype: types.Float, value: float) -> ir.Constant:
    return ir.Constant(_vector(dtype), [value] * LANES)


def _broadcast(builder: Any, kind: ir.Type, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )


def _call(builder: Any, name: str, kind: ir.Type, *values: Any) -> Any:
    """An LLVM intrinsic whose arguments and result are all of ``kind``."""
    signature = ir.FunctionType(kind, [kind] * len(values))
    suffix = f"v{LANES}f{32 if isinstance(kind.element, ir.FloatType) else 64}"
    return builder.call(
        cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}.{suffix}"), values
    )


@instruction
def load(typingctx: Any, values: Any, position: Any) -> Any:
    """The lanes that start at ``values[position]`` of a Span."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.bitcast(builder.gep(args[0], [args[1]]), _vector(values.dtype).as_pointer())
        return builder.load(pointer, align=values.dtype.bitwidth // 8)

    return Lanes(values.dtype)(values, types.intp), codegen


@instruction
def store(typingctx: Any, values: Any, position: Any, lanes: Any) -> Any:
    """Writes the lanes to ``values[position:]`` of a Span, rounded to its dtype."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.bitcast(builder.gep(args[0], [args[1]]), _vector(values.dtype).as_pointer())
        numbers = args[2]
        if lanes.dtype.bitwidth > values.dtype.bitwidth:
            numbers = builder.fptrunc(numbers, _vector(values.dtype))
        builder.store(numbers, pointer, align=values.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(values, types.intp, lanes), codegen


@instruction
def splat(typingctx: Any, value: Any) -> Any:
    """All lanes equal to a float32 or float64 scalar."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _broadcast(builder, _vector(value), args[0])

    return Lanes(value)(value), codegen


@instruction
def widen(typingctx: Any, value: Any) -> Any:
    """The lanes in float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if value.dtype == types.float64:
            return args[0]
        return builder.fpext(args[0], _vector(types.float64))

    return Lanes(types.float64)(value), codegen


@instruction
def narrow(typingctx: Any, value: Any, like: Any) -> Any:
    """The lanes in the dtype of the scalar ``like``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return args[0] if value.dtype == like else builder.fptrunc(args[0], _vector(like))

    return Lanes(like)(value, like), codegen


@instruction
def fused(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once where the processor can."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "fmuladd", args[0].type, *args)

    return a(a, b, c), codegen


@instruction
def root(typingctx: Any, a: Any) -> Any:
    """Square roots."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "sqrt", args[0].type, args[0])

    return a(a), codegen


@instruction
def magnitude(typingctx: Any, a: Any) -> Any:
    """Absolute values."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "fabs", args[0].type, args[0])

    return a(a), codegen


def _lesser(sign: str) -> Any:
    @instruction
    def chosen(typingctx: Any, a: Any, b: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.select(builder.fcmp_ordered(sign, *args), *args)

        return a(a, b), codegen

    return chosen


least, largest = _lesser("<"), _lesser(">")  # lane by lane; b where a is NaN


@instruction
def power_of_two(typingctx: Any, a: Any) -> Any:
    """``2 ** k`` from ``k + ROUNDER``, for whole ``k`` in the range of normal exponents: k is in its last bits."""
    mantissa, bias = (23, 127) if a.dtype == types.float32 else (52, 1023)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_integer(a.dtype), LANES)
        bits = builder.add(builder.bitcast(args[0], kind), ir.Constant(kind, [bias] * LANES))
        return builder.bitcast(builder.shl(bits, ir.Constant(kind, [mantissa] * LANES)), args[0].type)

    return a(a), codegen


@instruction
def where_positive(typingctx: Any, test: Any, yes: Any, no: Any) -> Any:
    """``yes`` where ``test > 0``, else ``no``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(
            builder.fcmp_ordered(">", args[0], _constant(test.dtype, 0.0)), args[1], args[2]
        )

    return yes(test, yes, no), codegen


@instruction
def count_above(typingctx: Any, a: Any, b: Any) -> Any:
    """In how many lanes ``a > b``: an integer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered(">", args[0], args[1]), ir.IntType(LANES))
        return builder.zext(builder.ctpop(bits), ir.IntType(64))

    return types.int64(a, b), codegen


@instruction
def total(typingctx: Any, a: Any) -> Any:
    """The sum of the lanes, by halves: the same order on every machine."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value, width = args[0], LANES
        while width > 1:
            width //= 2
            kind = ir.VectorType(ir.IntType(32), width)
            low, high = (
                builder.shuffle_vector(
                    value,
                    ir.Constant(value.type, ir.Undefined),
                    ir.Constant(kind, list(range(k, k + width))),
                )
                for k in (0, width)
            )
            value = builder.fadd(low, high)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return a.dtype(a), codegen


def _operator(symbol: Any, name: str) -> None:
    @instruction
    def lanewise(typingctx: Any, a: Any, b: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, name)(*args)

        return a(a, b), codegen

    def implementation(a: Any, b: Any) -> Any:
        return lanewise(a, b)

    @overload(symbol)
    def apply(a: Any, b: Any) -> Any:
        if isinstance(a, Lanes) and isinstance(b, Lanes) and a.dtype == b.dtype:
            return implementation
        return None


for _symbol, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operator(_symbol, _name)
