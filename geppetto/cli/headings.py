"""The help of a command with many options: under headings, in the order in which people look for them."""

from __future__ import annotations

from typing import Final

import click

HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "Server": (
        "offline",
        "offline_lead_s",
        "profile",
        "provider",
        "url",
        "key_env",
        "insecure_key",
        "proxy",
        "ca_file",
        "dialect",
        "model",
    ),
    "Answers": (
        "modality",
        "voice",
        "instructions",
        "speed",
        "temperature",
        "max_output_tokens",
        "transcription_model",
    ),
    "Scripts": (
        "as_json",
        "input_format",
        "jobs",
        "independent",
        "context",
        "unordered",
        "audio_out",
        "audio_format",
        "manifest",
        "no_manifest",
        "resume",
        "progress",
    ),
    "Limits and checks of scripts": (
        "dry_run",
        "max_cost",
        "prices_file",
        "max_minutes",
        "expect",
        "max_first_audio_ms",
        "junit",
    ),
    "Cluster": ("cluster", "shard_size", "output"),
    "Files": ("audio_output_dir", "output_template", "log_dir", "log_audio", "shared_files", "metrics_file"),
    "Patience and limits of a session": (
        "connect_timeout",
        "read_timeout",
        "write_timeout",
        "ping_interval",
        "pong_timeout",
        "shutdown_timeout",
        "max_retries",
        "buffer_size",
        "history_budget",
        "rollover_margin",
        "max_message_bytes",
    ),
    "Chat": ("continue_last", "no_memory", "plain"),
    "This program": ("quiet", "version"),
}
"""Names of parameters by heading; what stands under none of them comes under the last."""


class Headed(click.Command):
    """A command whose options stand under `HEADINGS`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, if there are any, and a section for each heading that has options."""
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        records = {
            parameter.name: record
            for parameter in self.get_params(ctx)
            if (record := parameter.get_help_record(ctx)) is not None
        }
        listed = {name for names in HEADINGS.values() for name in names}
        others = tuple(name for name in records if name not in listed)
        last = next(reversed(HEADINGS))
        for heading, names in HEADINGS.items():
            wanted = names + others if heading == last else names
            if rows := [records[name] for name in wanted if name in records]:
                with formatter.section(heading):
                    formatter.write_dl(rows)
