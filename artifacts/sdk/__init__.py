"""Where W&B's users look for the classes of a run, as in `sdk.wandb_run.Run`."""

from artifacts.sdk import wandb_config, wandb_run, wandb_settings, wandb_summary

__all__ = ["wandb_config", "wandb_run", "wandb_settings", "wandb_summary"]
