"""The public face of the store: the C2PA soft-binding resolution API over HTTP (extra `serve`).

It answers by which manifest a watermark or a video is known here. It fetches nothing and calls nobody. `app.create`
makes the application, `server.run` serves it; both are imported by name, so that this package stays light.
"""
