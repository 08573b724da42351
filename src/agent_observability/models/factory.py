"""The chat model that MODEL names."""

from ..config import Settings, SettingsError
from .base import ChatModel
from .scripted import ScriptedChatModel

__all__ = ["open_model"]


def open_model(settings: Settings) -> ChatModel:
    """Return the model that MODEL names.

    Raises:
        SettingsError: It needs a package that is not installed.
    """
    provider, _, name = settings.model.partition(":")
    if provider == "scripted":
        return ScriptedChatModel(delay_seconds=settings.model_delay_seconds)
    try:
        from .openai_compatible import OpenAIChatModel  # noqa: PLC0415 - an extra, slow to import
    except ModuleNotFoundError:
        raise SettingsError(
            "MODEL: openai:<name> needs the openai package; install it with"
            " `.venv/bin/python -m pip install 'openai>=3,<4'`, or set MODEL=scripted."
        ) from None
    return OpenAIChatModel(
        name,
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key.get_secret_value(),
    )
