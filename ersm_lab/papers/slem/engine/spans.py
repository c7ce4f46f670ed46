"""An array's first element, without its length and its owner: what the compiled inner loops are handed.

numba counts the owners of an array with every call that it is passed to, in steps that all cores can see, and passes seven words
for it; with a dozen arrays that costs more than the arithmetic of a sample. A ``Span`` is one word and owned by nobody:
whoever makes it keeps the array, and nothing is checked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model


def instruction(function: Callable[..., Any]) -> Any:
    """numba's ``intrinsic``, whose callers give all arguments but the typing context."""
    return intrinsic(function)


class Span(types.Type):
    """Where numbers of one dtype start."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Span({dtype})")


def scalar(dtype: Any) -> ir.Type:
    """LLVM's name for float32, float64 or an integer."""
    if dtype == types.float32:
        return ir.FloatType()
    return ir.DoubleType() if dtype == types.float64 else ir.IntType(dtype.bitwidth)


@register_model(Span)
class _SpanModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Span) -> None:
        super().__init__(dmm, fe_type, scalar(fe_type.dtype).as_pointer())


@instruction
def span(typingctx: Any, array: Any) -> Any:
    """The span of a contiguous array, whatever its number of dimensions."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(array)(context, builder, args[0]).data

    return Span(array.dtype)(array), codegen


@instruction
def _read(typingctx: Any, values: Any, position: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.gep(args[0], [args[1]]))

    return values.dtype(values, types.intp), codegen


@instruction
def _write(typingctx: Any, values: Any, position: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], builder.gep(args[0], [args[1]]))
        return context.get_dummy_value()

    return types.none(values, types.intp, values.dtype), codegen


@overload(operator.getitem)
def _getitem(values: Any, position: Any) -> Any:
    def read(values: Any, position: Any) -> Any:
        return _read(values, position)

    return read if isinstance(values, Span) and isinstance(position, types.Integer) else None


@overload(operator.setitem)
def _setitem(values: Any, position: Any, value: Any) -> Any:
    def write(values: Any, position: Any, value: Any) -> None:
        _write(values, position, value)

    return write if isinstance(values, Span) and isinstance(position, types.Integer) else None
