CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`external_id` text NOT NULL,
	`tier` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	CONSTRAINT "accounts_tier" CHECK("accounts"."tier" IN ('free', 'basic', 'pro')),
	CONSTRAINT "accounts_external_id" CHECK(length("accounts"."external_id") BETWEEN 1 AND 255)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_external_id_unique` ON `accounts` (`external_id`);--> statement-breakpoint
CREATE INDEX `accounts_by_age` ON `accounts` (`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `bot_configs` (
	`id` text PRIMARY KEY NOT NULL,
	`bot_id` text NOT NULL,
	`version` integer NOT NULL,
	`restored_from` integer,
	`trading_config` text NOT NULL,
	`risk_config` text NOT NULL,
	`llm_provider` text NOT NULL,
	`llm_api_key` text NOT NULL,
	`llm_api_key_last4` text,
	`llm_api_key_updated_at` integer NOT NULL,
	`note` text,
	`author` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`bot_id`) REFERENCES `bots`(`id`) ON UPDATE no action ON DELETE restrict,
	CONSTRAINT "bot_configs_version" CHECK("bot_configs"."version" >= 1)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `bot_configs_numbered` ON `bot_configs` (`bot_id`,`version`);--> statement-breakpoint
CREATE TABLE `bots` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`persona` text NOT NULL,
	`status` text NOT NULL,
	`since` integer NOT NULL,
	`reason` text,
	`generation` integer NOT NULL,
	`droplet_id` integer,
	`ip_address` text,
	`desired_config_id` text NOT NULL,
	`desired_config_version` integer NOT NULL,
	`applied_config_id` text,
	`applied_config_version` integer,
	`effective_config_version` integer,
	`last_heartbeat_at` integer,
	`revision` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`observed_at` integer NOT NULL,
	`created_by` text NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE restrict,
	CONSTRAINT "bots_persona" CHECK("bots"."persona" IN ('beginner', 'tweaker', 'quant_lite')),
	CONSTRAINT "bots_status" CHECK("bots"."status" IN ('pending', 'provisioning', 'online', 'unresponsive', 'paused', 'suspended', 'error', 'destroyed')),
	CONSTRAINT "bots_name" CHECK(length("bots"."name") BETWEEN 1 AND 64),
	CONSTRAINT "bots_numbers" CHECK("bots"."generation" >= 1 AND "bots"."desired_config_version" >= 1 AND "bots"."revision" >= 0)
);
--> statement-breakpoint
CREATE INDEX `bots_by_account` ON `bots` (`account_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `bots_by_age` ON `bots` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `bots_by_status` ON `bots` (`status`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `droplets` (
	`id` integer PRIMARY KEY NOT NULL,
	`bot_id` text NOT NULL,
	`name` text NOT NULL,
	`generation` integer NOT NULL,
	`status` text NOT NULL,
	`ip_address` text,
	`found_at` integer NOT NULL,
	`gone_at` integer,
	`revision` integer NOT NULL,
	FOREIGN KEY (`bot_id`) REFERENCES `bots`(`id`) ON UPDATE no action ON DELETE restrict,
	CONSTRAINT "droplets_status" CHECK("droplets"."status" IN ('new', 'active', 'off', 'archive'))
);
--> statement-breakpoint
CREATE INDEX `droplets_by_bot` ON `droplets` (`bot_id`);--> statement-breakpoint
CREATE TABLE `fleets` (
	`id` integer PRIMARY KEY NOT NULL,
	`fleet_id` text NOT NULL,
	`created_at` integer NOT NULL,
	CONSTRAINT "fleets_only_one" CHECK("fleets"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE `idempotency` (
	`key` text PRIMARY KEY NOT NULL,
	`body_hash` text NOT NULL,
	`resource_id` text NOT NULL,
	`status` integer NOT NULL,
	`expires_at` integer NOT NULL,
	CONSTRAINT "idempotency_status" CHECK("idempotency"."status" BETWEEN 200 AND 299)
);
--> statement-breakpoint
CREATE INDEX `idempotency_by_expiry` ON `idempotency` (`expires_at`);