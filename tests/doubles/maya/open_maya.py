"""The classes of ``maya.api.OpenMaya`` that the adapter uses, with the arguments of Autodesk's reference."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from doubles.maya.program import Maya
    from doubles.maya.scene import Node


@attrs.frozen
class MObject:
    """A node."""

    node: Node


class MMatrix:
    """A matrix for row vectors, as Maya multiplies them."""

    def __init__(self, values: Any) -> None:
        if len(values) != 16:
            raise ValueError("arg must be a sequence of 16 numbers")
        # Imported late: the Pythons of older hosts, which start this double without a capture, have none.
        import numpy

        self.array = numpy.array(values, dtype=float).reshape(4, 4)

    def inverse(self) -> MMatrix:
        import numpy

        return MMatrix(numpy.linalg.inv(self.array).flatten())

    def __mul__(self, other: MMatrix) -> MMatrix:
        return MMatrix((self.array @ other.array).flatten())


class MPoint:
    """A point."""

    def __init__(self, x: float, y: float, z: float) -> None:
        self.values = (float(x), float(y), float(z))

    x, y, z = (property(lambda self, at=at: self.values[at]) for at in range(3))

    def __mul__(self, matrix: MMatrix) -> MPoint:
        *place, scale = [*self.values, 1.0] @ matrix.array
        return MPoint(*(part / scale for part in place))


class MVector:
    """A direction."""

    def __init__(self, x: float, y: float, z: float) -> None:
        self.x, self.y, self.z = x, y, z

    def normal(self) -> MVector:
        length = math.hypot(self.x, self.y, self.z)
        return MVector(self.x / length, self.y / length, self.z / length)


class MPointArray(list):  # type: ignore[type-arg]
    """Points."""


class MDoubleArray(list):  # type: ignore[type-arg]
    """Numbers."""


class MDistance:
    """Lengths: the unit of the scene is always centimetres here."""

    @staticmethod
    def uiToInternal(value: float) -> float:  # noqa: N802 - Maya's own name
        return float(value)


def computation(maya: Maya) -> type:
    """Return the class of ``maya.OpenMaya`` that notices Escape while Maya is busy."""

    class MComputation:
        def __init__(self) -> None:
            self._is_running = False

        def beginComputation(self) -> None:  # noqa: N802
            self._is_running = True

        def endComputation(self) -> None:  # noqa: N802
            self._is_running = False

        def isInterruptRequested(self) -> bool:  # noqa: N802
            return self._is_running and maya.is_escape_pressed

    return MComputation


def classes(maya: Maya) -> dict[str, Any]:
    """Return the classes, bound to this program."""
    numbers = itertools.count(1)

    class MSelectionList:
        """A list of nodes by name."""

        def __init__(self) -> None:
            self._names: list[str] = []

        def add(self, name: str) -> MSelectionList:
            maya.scene.node(name)
            self._names.append(name)
            return self

        def getDependNode(self, index: int) -> MObject:  # noqa: N802
            return MObject(maya.scene.node(self._names[index]))

    class MObjectHandle:
        """A reference to a node that may be deleted meanwhile, also with its scene."""

        def __init__(self, node: MObject) -> None:
            self._node = node.node

        def isValid(self) -> bool:  # noqa: N802
            return any(node is self._node for node in maya.scene.nodes)

    class MFnNurbsCurve:
        """Makes a curve; nothing of it is undoable or selected."""

        kOpen = 1  # noqa: N815

        def create(
            self,
            cvs: MPointArray,
            knots: MDoubleArray,
            degree: int,
            form: int,
            is2D: bool,  # noqa: N803
            rational: bool,
            parent: MObject,
        ) -> MObject:
            if (
                not isinstance(cvs, MPointArray)
                or not isinstance(knots, MDoubleArray)
                or not isinstance(parent, MObject)
            ):
                raise TypeError("create takes points, knots and an object")
            if len(cvs) < 2 or len(knots) != len(cvs) + degree - 1 or list(knots) != sorted(knots):
                raise ValueError("(kInvalidParameter): wrong number of knots")
            if (degree, form, is2D, rational) != (1, self.kOpen, False, False) or parent.node.kind != "transform":
                raise NotImplementedError("only open polylines are modelled")
            self._node = maya.scene.add_child("nurbsCurve", f"{parent.node.name}Shape", parent.node)
            self._node.attributes["points"] = tuple(point.values for point in cvs)
            maya.scene.is_modified = True
            return MObject(self._node)

        def fullPathName(self) -> str:  # noqa: N802
            return self._node.path

    class MSceneMessage:
        """Callbacks around a save."""

        kBeforeSave, kAfterSave = "before save", "after save"  # noqa: N815

        @staticmethod
        def addCallback(event: str, function: Any, data: Any) -> int:  # noqa: N802
            number = next(numbers)
            maya.callbacks[number] = (event, function)
            return number

    class MMessage:
        """Callbacks."""

        @staticmethod
        def removeCallback(number: int) -> None:  # noqa: N802
            if number not in maya.callbacks:
                raise RuntimeError("(kFailure): there is no such callback")
            del maya.callbacks[number]

    class MFnPlugin:
        """The registration of a plug-in; Maya hands its file over as an object."""

        def __init__(self, plugin: Path, vendor: str, version: str) -> None:
            assert all(isinstance(text, str) for text in (vendor, version))
            self._file = plugin

        def loadPath(self) -> str:  # noqa: N802
            return str(self._file.parent)

    bound = (MSelectionList, MObjectHandle, MFnNurbsCurve, MSceneMessage, MMessage, MFnPlugin)
    return {each.__name__: each for each in (MMatrix, MPoint, MVector, MPointArray, MDoubleArray, MDistance, *bound)}
