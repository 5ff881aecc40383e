ALTER TABLE `bot_configs` ADD `environment` text;--> statement-breakpoint
ALTER TABLE `bot_configs` ADD `environment_names` text;