"""Tasks and review sessions on a server; knows nothing of hosts, media or publish jobs."""
