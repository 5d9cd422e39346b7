"""
The dialects of compatible servers: GA or beta, but for what each of them does in another way.

Source: the vendors' references and servers as of 2026-11, and recorded sessions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from geppetto.realtime.dialects import BETA, GA, session_beta, session_ga
from geppetto.realtime.listening import Listening

if TYPE_CHECKING:
    from geppetto.realtime.client_events import SessionSettings


def _session_xai(settings: SessionSettings) -> dict[str, object]:
    """
    Return the session of xAI: GA, but voice and turn detection are flat, and there is neither type nor modality.

    Source: recorded sessions with Grok Voice, 2026-11.
    """
    session = session_ga(settings)
    audio = session["audio"]
    assert isinstance(audio, dict)
    audio["input"].pop("turn_detection")
    session["turn_detection"] = None
    if (voice := audio["output"].pop("voice", None)) is not None:
        session["voice"] = voice
    del session["type"], session["output_modalities"]  # it always speaks
    return session


def _session_speaches(settings: SessionSettings) -> dict[str, object]:
    """
    Return the session of speaches: beta, but a null drops all of it, and each format is answered by an error.

    So its turn detection can't be switched off; with this threshold it takes nothing for speech. It must be whole,
    and on to answer, because the transcript of what was committed is waited for only by itself.

    Source: speaches of 2026-03, `types/realtime.py` (`PartialSession`), `realtime/session_event_router.py`.
    """
    session = {key: value for key, value in session_beta(settings).items() if value is not None}
    del session["input_audio_format"], session["output_audio_format"]  # PCM16, whatever is said
    session["turn_detection"] = {
        "type": "server_vad",
        "threshold": 1.0,
        "prefix_padding_ms": 0,
        "silence_duration_ms": 550,
        "create_response": True,
    }
    return session


AZURE = replace(GA, default_transcription_model="")
"""A transcribing model is called there as its deployment is; another name fails with DeploymentNotFound."""
_GA_OF_ANY_MODEL = replace(GA, default_voice="", default_transcription_model="")
"""For servers whose voices nobody knows beforehand: theirs is taken."""
LOCALAI = replace(_GA_OF_ANY_MODEL, out_of_band=False, listening=Listening(answers=True))
"""
A commit is transcribed and answered, and the input of a response is put into the conversation.

Source: LocalAI of 2026-08, `endpoints/openai/realtime.go`.
"""
HUGGINGFACE = replace(_GA_OF_ANY_MODEL, listening=Listening(answers=True, silence_ms=1000))
"""Turn detection is always on, and a commit does nothing. Source: speech-to-speech, `handlers/audio.py`, 2026-11."""
SPEACHES = replace(
    BETA,
    default_voice="",
    default_transcription_model="",
    encode_session=_session_speaches,
    truncates=False,
    out_of_band=False,
    listening=Listening(answers=True),
)
XAI = replace(
    GA,
    default_model="grok-voice-latest",
    default_voice="eve",
    default_transcription_model="",
    assistant_text="text",
    encode_session=_session_xai,
    truncates=False,
)
