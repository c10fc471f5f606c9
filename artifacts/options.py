"""Options: what W&B's settings are called, and what each may be.

docs/reference-runs.md says what each does here. Many speak of W&B's server or of its own process:
they are taken, shown, and change nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from artifacts.errors import InvalidNameError
from artifacts.names import check_run_id


class Option(Struct, frozen=True):
    """One of W&B's settings. `kind` is the type of its value, where it has one."""

    kind: type
    default: Any = None
    choices: tuple[str, ...] = ()

    def read(self, value: Any) -> Any:  # noqa: ANN401
        """The value as somebody wrote it, perhaps as text. Raises InvalidNameError."""
        if value is None:
            return None
        if self.kind is bool:
            return _flag(value)
        if self.kind in (int, float):
            return self._number(value)
        if self.kind is tuple:
            return _texts(value)
        if self.kind is dict:
            return _table(value)
        if not isinstance(value, str | os.PathLike):
            raise InvalidNameError(repr(value), "expected text")
        return self._chosen(os.fspath(value))

    def _number(self, value: Any) -> float:  # noqa: ANN401
        try:
            number: float = self.kind(value)
        except (TypeError, ValueError):
            raise InvalidNameError(str(value), "expected a number") from None
        if number < 0:
            raise InvalidNameError(str(value), "expected a number of at least 0")
        return number

    def _chosen(self, value: str) -> str:
        if self.choices and value not in self.choices:
            raise InvalidNameError(value, f"expected one of {', '.join(self.choices)}")
        return value


def _flag(value: object) -> bool:
    if (flag := FLAGS.get(str(value).lower())) is None:
        raise InvalidNameError(str(value), "expected true or false")
    return flag


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401
    """One text is several with commas between."""
    if isinstance(value, str):
        return tuple(filter(None, (each.strip() for each in value.split(","))))
    try:
        return tuple(map(str, value))
    except TypeError:
        raise InvalidNameError(repr(value), "expected a list") from None


def _table(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise InvalidNameError(value, "expected JSON") from None
    if not isinstance(value, Mapping | list | tuple):
        raise InvalidNameError(repr(value), "expected a table")
    return value


FLAGS: Mapping[str, bool] = dict.fromkeys(
    ("1", "true", "t", "yes", "y", "on"), True
) | dict.fromkeys(("0", "false", "f", "no", "n", "off"), False)
RESUMES = ("allow", "must", "never", "auto")
REINITS = ("default", "return_previous", "create_new", "finish_previous")


def _names(text: str) -> list[str]:
    return text.split()


def _options() -> Iterator[tuple[str, Option]]:
    for name in _TEXTS:
        yield name, Option(str)
    for name, text in _GIVEN_TEXTS.items():
        yield name, Option(str, text)
    for name, is_on in _SWITCHES.items():
        yield name, Option(bool, is_on)
    for name in _UNSET_SWITCHES:
        yield name, Option(bool)
    for name, number in _NUMBERS.items():
        yield name, Option(type(number), number)
    for name in _UNSET_NUMBERS:
        yield (
            name,
            Option(float if name.endswith(("seconds", "_timeout", "time", "interval")) else int),
        )
    for name in _LISTS:
        yield name, Option(tuple, () if name == "ignore_globs" else None)
    for name in _TABLES:
        yield name, Option(dict)
    for name, (default, choices) in _CHOICES.items():
        yield name, Option(str, default, choices)
    yield "reinit", Option(bool, default=False)


_TEXTS = _names(
    """
    alert_smtp alert_webhook
    api_key code_dir docker email fork_from git_commit git_remote_url git_root host http_proxy
    https_proxy identity_token_file job_name launch_config_path notebook_name organization program
    program_abspath program_relpath resume_from root_dir run_group run_id run_job_type run_name
    run_notes start_method sweep_id sweep_param_path username x_executable x_files_dir
    x_jupyter_name x_jupyter_path x_jupyter_root x_label x_runqueue_item_id x_service_transport
    x_stats_dcgm_exporter x_stats_neuron_monitor_config_path credentials_file settings_system
"""
)
_GIVEN_TEXTS = {"base_url": "https://api.wandb.ai", "git_remote": "origin"}
_SWITCHES = {
    **dict.fromkeys(
        _names(
            """
        allow_val_change console_multipart disable_code disable_git force insecure_disable_ssl
        label_disable launch relogin resumed sagemaker_disable silent
        table_raise_on_max_row_limit_exceeded x_cli_only_mode x_disable_meta x_disable_service
        x_disable_setproctitle x_disable_stats x_disable_viewer x_disable_machine_info
        x_require_legacy_service x_server_side_derived_summary x_sync
        """
        ),
        False,
    ),
    **dict.fromkeys(
        _names(
            """
        allow_offline_artifacts disable_job_creation show_errors show_info show_warnings
        x_primary x_save_requirements x_update_finish_state symlink
        """
        ),
        True,
    ),
}
_UNSET_SWITCHES = _names(
    """
    save_code show_colors show_emoji strict sync_tensorboard x_flow_control_custom
    x_flow_control_disabled
"""
)
_NUMBERS: dict[str, float] = {
    "heartbeat_seconds": 30,
    "init_timeout": 90.0,
    "summary_timeout": 60,
    "summary_warnings": 5,
    "x_internal_check_process": 8.0,
    "x_log_level": 20,
    "x_service_wait": 30.0,
    "x_stats_sampling_interval": 15.0,
    "x_stats_buffer_size": 0,
}
_UNSET_NUMBERS = _names(
    """
    login_timeout x_file_stream_max_bytes x_file_stream_max_line_bytes
    x_file_stream_transmit_interval x_file_stream_retry_max x_file_stream_retry_wait_min_seconds
    x_file_stream_retry_wait_max_seconds x_file_stream_timeout_seconds x_file_transfer_retry_max
    x_file_transfer_retry_wait_min_seconds x_file_transfer_retry_wait_max_seconds
    x_file_transfer_timeout_seconds x_graphql_retry_max x_graphql_retry_wait_min_seconds
    x_graphql_retry_wait_max_seconds x_graphql_timeout_seconds x_live_policy_rate_limit
    x_live_policy_wait_time x_network_buffer x_start_time x_stats_pid
"""
)
_LISTS = [
    "alert_email",
    "config_paths",
    "ignore_globs",
    "run_tags",
    "x_stats_disk_paths",
    "x_stats_gpu_device_ids",
]
_TABLES = _names(
    """
    azure_account_url_to_access_key x_extra_http_headers x_proxies x_stats_open_metrics_endpoints
    x_stats_open_metrics_filters x_stats_open_metrics_http_headers
"""
)
_CHOICES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "anonymous": (None, ("allow", "must", "never")),
    "console": ("auto", ("auto", "off", "wrap", "redirect", "wrap_raw", "wrap_emu")),
    "job_source": (None, ("repo", "artifact", "image")),
    "mode": ("online", ("online", "offline", "dryrun", "disabled", "run", "shared")),
    "resume": (None, RESUMES),
}

OPTIONS: Mapping[str, Option] = dict(_options())
"""By name, but for those that are settings of ours too: entity, project, quiet."""
VARIABLES: Mapping[str, str] = {
    "WANDB_DIR": "root_dir",
    "WANDB_DISABLE_SERVICE": "x_disable_service",
    "WANDB_GROUP": "run_group",
    "WANDB_JOB_TYPE": "run_job_type",
    "WANDB_NAME": "run_name",
    "WANDB_NOTES": "run_notes",
    "WANDB_TAGS": "run_tags",
}
"""Those that are called otherwise than WANDB_ or ART_ and the name of what they set."""
SECRETS = {
    "alert_smtp",
    "alert_webhook",
    "api_key",
    "x_extra_http_headers",
    "x_stats_open_metrics_http_headers",
    "identity_token_file",
} | {"azure_account_url_to_access_key", "http_proxy", "https_proxy", "x_proxies"}
"""Never shown."""


def option_of(variable: str) -> str | None:
    """The option that an environment variable sets: WANDB_RUN_ID, WANDB__START_TIME, ART_MODE."""
    if variable in VARIABLES:
        return VARIABLES[variable]
    prefix, _, rest = variable.partition("_")
    if prefix not in ("WANDB", "ART"):
        return None
    name = rest.lower()
    name = f"x{name}" if name.startswith("_") else name
    return name if name in OPTIONS else None


def read_option(name: str, value: Any) -> Any:  # noqa: ANN401
    """The value of an option, however it was written. Raises InvalidNameError."""
    if name == "resume" and not isinstance(value, str):
        return "auto" if value else None
    if name == "resume" and value.lower() in FLAGS:
        return "auto" if FLAGS[value.lower()] else None
    if name == "reinit" and value in REINITS:  # of later versions of W&B
        return value
    found = OPTIONS[name].read(value)
    if name == "run_id" and found is not None:
        check_run_id(found)
    return found
