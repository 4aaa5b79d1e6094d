"""Checks in an old style of pyblish: the names of the arguments select what they receive."""

import naming
import pyblish.api


class SelectInvalid(pyblish.api.Action):
    label = "Select invalid"
    on = "failed"
    icon = "search"

    def process(self, context, plugin):
        raise RuntimeError("there is no window in which anything could be selected")


class ValidatePropNames(pyblish.api.Validator):
    label = "Prop names"
    families = ["prop"]
    hosts = ["*"]
    optional = True
    actions = [SelectInvalid]

    def process(self, instance, context):
        assert instance.data["name"] in context.data["props"]
        assert naming.is_good(instance.data["name"].lower()), "%s is no name for a prop" % instance


class ValidateReviewNames(pyblish.api.Plugin):
    order = pyblish.api.ValidatorOrder + 0.2
    families = ["review"]
    actions = [SelectInvalid]

    def process(self, instance):
        from naming import is_good

        if not is_good(instance.data["name"]):
            raise ValueError("%s is no name for a review" % instance.data["name"])

    def repair(self, instance):
        instance.data["name"] = instance.data["name"].lower()


class ValidateSwitchedOff(pyblish.api.InstancePlugin):
    order = pyblish.api.ValidatorOrder
    active = False

    def process(self, instance):
        raise AssertionError("this one is switched off")
