"""Deadline 10: let the tasks of a job belong to one render of ft-dcc, so that their frames become one version.

Deadline calls it on each machine before the first task of a job. A job that has FT_DCC_RENDER in its own environment
keeps it. The syntax is that of Python 2.7 and later, one of which Deadline contains. Sources: examples of JobPreLoad.py
and GlobalJobPreLoad.py that Thinkbox and studios have published; Deadline User Manual, "Render Environment".
"""


def __main__(deadline_plugin):  # noqa: N807 - the name that Deadline calls
    try:
        job = deadline_plugin.GetJob()
        if not job.GetJobEnvironmentKeyValue("FT_DCC_RENDER"):
            deadline_plugin.SetProcessEnvironmentVariable("FT_DCC_RENDER", job.JobId)
            deadline_plugin.LogInfo("ft-dcc: the tasks of this job belong to the render " + job.JobId)
    except Exception as error:  # noqa: BLE001 - the job renders whatever is wrong with us
        deadline_plugin.LogWarning("ft-dcc: this job has no FT_DCC_RENDER: %s" % error)
