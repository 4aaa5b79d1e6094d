"""The classes of ``maya.api.OpenMaya`` that the adapter uses, with the arguments of Autodesk's reference."""

from __future__ import annotations

import itertools
import math
from typing import Any

import attrs


@attrs.frozen
class MObject:
    node: Any


class MMatrix:
    """A matrix for row vectors, as Maya multiplies them."""

    def __init__(self, values):
        if len(values) != 16:
            raise ValueError("arg must be a sequence of 16 numbers")
        # Imported late: the Pythons of older hosts, which start this double without a capture, have none.
        import numpy

        self.array = numpy.array(values, dtype=float).reshape(4, 4)

    def inverse(self):
        import numpy

        return MMatrix(numpy.linalg.inv(self.array).flatten())

    def __mul__(self, other):
        return MMatrix((self.array @ other.array).flatten())


class MPoint:
    def __init__(self, x, y, z):
        self.values = (float(x), float(y), float(z))

    x, y, z = (property(lambda self, at=at: self.values[at]) for at in range(3))

    def __mul__(self, matrix):
        *place, scale = [*self.values, 1.0] @ matrix.array
        return MPoint(*(part / scale for part in place))


class MVector:
    def __init__(self, x, y, z):
        self.x, self.y, self.z = x, y, z

    def normal(self):
        length = math.hypot(self.x, self.y, self.z)
        return MVector(self.x / length, self.y / length, self.z / length)


class MPointArray(list):  # type: ignore[type-arg]
    """Points."""


class MDoubleArray(list):  # type: ignore[type-arg]
    """Numbers."""


class MDistance:
    """Lengths: the unit of the scene is always centimetres here."""

    @staticmethod
    def uiToInternal(value):  # noqa: N802 - Maya's own name
        return float(value)


def classes(maya):
    numbers = itertools.count(1)

    class MSelectionList:
        def __init__(self):
            self._names = []

        def add(self, name):
            maya.scene.node(name)
            self._names.append(name)
            return self

        def getDependNode(self, index):  # noqa: N802
            return MObject(maya.scene.node(self._names[index]))

    class MObjectHandle:
        """A reference to a node that may be deleted meanwhile, also with its scene."""

        def __init__(self, node):
            self._node = node.node

        def isValid(self):  # noqa: N802
            return any(node is self._node for node in maya.scene.nodes)

    class MFnNurbsCurve:
        """Makes a curve; nothing of it is undoable or selected."""

        kOpen = 1  # noqa: N815

        def create(
            self,
            cvs,
            knots,
            degree,
            form,
            is2D,  # noqa: N803
            rational,
            parent,
        ):
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

        def fullPathName(self):  # noqa: N802
            return self._node.path

    class MSceneMessage:
        kBeforeSave, kAfterSave = "before save", "after save"  # noqa: N815
        kBeforeExport, kAfterExport = "before export", "after export"  # noqa: N815

        @staticmethod
        def addCallback(event, function, data):  # noqa: N802
            number = next(numbers)
            maya.callbacks[number] = (event, function)
            return number

    class MMessage:
        @staticmethod
        def removeCallback(number):  # noqa: N802
            if number not in maya.callbacks:
                raise RuntimeError("(kFailure): there is no such callback")
            del maya.callbacks[number]

    class MFnPlugin:
        """The registration of a plug-in; Maya hands its file over as an object."""

        def __init__(self, plugin, vendor, version):
            assert all(isinstance(text, str) for text in (vendor, version))
            self._file = plugin

        def loadPath(self):  # noqa: N802
            return str(self._file.parent)

    bound = (MSelectionList, MObjectHandle, MFnNurbsCurve, MSceneMessage, MMessage, MFnPlugin)
    return {each.__name__: each for each in (MMatrix, MPoint, MVector, MPointArray, MDoubleArray, MDistance, *bound)}
