"""The training half of LaMa: losses, data, loop, metrics. Never imported by the run-time half."""
