"""Serves the site on this computer, to this computer, with nothing from elsewhere."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from unittest import mock

LARGEST = "10mb"  # of an upload
# The browser itself then refuses whatever is not from here.
OWN = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"
STYLE = """
.cards {display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 12px}
.cards .card {display: flex; flex-direction: column; gap: 4px; padding: 14px; border-radius: 8px;
  border: 1px solid var(--border-color-primary); background: var(--block-background-fill);
  color: var(--body-text-color); text-decoration: none; text-align: left}
.cards .card:hover {border-color: var(--color-accent)}
.cards small {color: var(--body-text-color-subdued)}
.cards .said {grid-column: 1 / -1}
.said {min-height: 1.5em; margin: 0; color: var(--body-text-color-subdued); overflow-wrap: anywhere}
.said.wrong {color: var(--error-text-color, #b91c1c); font-weight: 600}
.figure img {padding-top: 28px; background: #fff}
.coloured pre, .coloured pre *, .coloured p, .coloured p * {color: #000 !important}
figure {margin: 0} figcaption {margin-bottom: 4px}
"""


class Headers:
    """Every answer says that a page is made of what is here alone; `app` is what answers."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def sent(message):
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", OWN.encode()),
                ]
            await send(message)

        await self.app(scope, receive, sent)


def check_port(host: str, port: int) -> None:
    """Raises if another program has the port."""
    try:
        with socket.create_server((host, port)):
            pass
    except OverflowError:
        raise ValueError(f"port must be from 0 to 65535; received {port}") from None
    except OSError as error:
        why = os.strerror(error.errno)
        raise OSError(
            f"port {port} of {host} cannot be had ({why}); give another with --port"
        ) from None


@contextlib.contextmanager
def serving(bundles=(), folder=None, *, host: str = "127.0.0.1", port: int = 7860) -> Iterator[str]:
    """Serves the pages of saved models for a block.

    What is uploaded lies in a folder of its own, which is deleted with all that is in it; no file
    stays there for more than some minutes before.

    Args:
        bundles, folder: As for `keraseq.app.site`.
        host: The address to listen at. Default: this computer alone can see the pages.
        port: Its port. Defaults to 7860.

    Yields:
        The address for a browser.

    Raises:
        OSError: The port is taken.
        BundleError, FileNotFoundError: As for `keraseq.app.site`.
        ModuleNotFoundError: Gradio is not installed.
    """
    check_port(host, port)
    with contextlib.ExitStack() as stack:
        uploads = stack.enter_context(tempfile.TemporaryDirectory(prefix="keraseq-"))
        quiet = {"GRADIO_TEMP_DIR": uploads, "GRADIO_ANALYTICS_ENABLED": "False"}
        stack.enter_context(mock.patch.dict(os.environ, quiet))
        try:
            import gradio as gr
            from starlette.middleware import Middleware
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "pages need Gradio, which is not installed; to have it: pip install 'keraseq[app]'"
            ) from None
        from keraseq.app.blocks import site

        made = site(bundles, folder)
        stack.callback(made.close, verbose=False)
        _, address, _ = made.queue(max_size=64).launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=LARGEST,
            footer_links=[],
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            css=STYLE,
            theme=gr.themes.Default(
                primary_hue="indigo",
                font=["system-ui", "sans-serif"],
                font_mono=["ui-monospace", "monospace"],
            ).set(
                body_text_color_subdued="*neutral_600",
                body_text_color_subdued_dark="*neutral_300",
            ),
            app_kwargs={"middleware": [Middleware(Headers)]},
        )
        yield address
