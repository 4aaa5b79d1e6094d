"""Extractors and integrators that do not use the core's slots, and write their files anywhere."""

import os
import tempfile

import pyblish.api


class ExtractProp(pyblish.api.Extractor):
    families = ["prop"]

    def process(self, instance):
        folder = tempfile.mkdtemp(dir=os.environ["OTHER_STUDIO"])
        path = os.path.join(folder, "%s.txt" % instance)
        with open(path, "w") as f:
            f.write(", ".join(instance))
        instance.data.setdefault("files", []).append(path)


class IntegrateProp(pyblish.api.InstancePlugin):
    order = pyblish.api.IntegratorOrder + 0.49
    families = ["prop"]

    def process(self, instance):
        (path,) = instance.data["files"]
        os.rename(path, os.path.join(os.environ["OTHER_STUDIO"], os.path.basename(path)))
        print("published", instance.data["name"])


class IntegrateReport(pyblish.api.ContextPlugin):
    order = pyblish.api.IntegratorOrder + 0.5

    def process(self, context):
        results = context.data["results"]
        lines = ["%s %s" % (result["plugin"].__name__, result["success"]) for result in results]
        with open(os.path.join(os.environ["OTHER_STUDIO"], "report.txt"), "w") as f:
            f.write("\n".join(lines))
