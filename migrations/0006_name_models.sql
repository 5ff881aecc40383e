ALTER TABLE `bot_configs` ADD `llm_model` text;--> statement-breakpoint
ALTER TABLE `bot_configs` ADD `llm_base_url` text;