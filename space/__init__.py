"""The app: tabs, canvas, handlers and dataset store; the only place that knows Gradio.

Nothing is imported here, so that `import space.ui` stays free of torch.
"""
