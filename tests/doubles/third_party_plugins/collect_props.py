"""A collector of another studio that makes instances of a family that the core does not know."""

import pyblish.api


class CollectProps(pyblish.api.ContextPlugin):
    order = pyblish.api.CollectorOrder + 0.1
    label = "Collect props"
    hosts = ["python", "maya"]

    def process(self, context):
        print("collecting props for", context.data["user"], context.data["date"][:4], context.data["cwd"])
        instance = context.create_instance("chairA")
        instance.data["family"] = "prop"
        instance.data["families"] = ["geo", "ftrack"]
        instance.data["label"] = "chairA (prop)"
        instance.data["optional"] = True
        instance.append("|props|chairA")
        context.data["props"] = [instance.data["name"]]
        self.log.info("found %d props", len(context.data["props"]))


class CollectForMaya(pyblish.api.ContextPlugin):
    order = pyblish.api.CollectorOrder
    hosts = ["maya"]

    def process(self, context):
        from maya import cmds  # there is none here

        context.data["scene"] = cmds.file(query=True, sceneName=True)
