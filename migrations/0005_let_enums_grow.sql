-- The enums of these five tables may grow, so their CHECKs go. SQLite drops a CHECK only with its table.
--
-- Written by hand. D1 runs a file as one transaction, in which the foreign_keys=OFF that drizzle-kit writes does nothing:
-- a parent that has children could not be dropped. With defer_foreign_keys the keys are judged when the file ends, and
-- they are judged: each parent's rows are inserted again under its own name, so a row that got lost fails the whole file.
-- A renamed table would not count as that, and defer_foreign_keys=OFF at the end would forget what is missing.
-- None of these tables has a trigger: a dropped table takes its triggers along.
PRAGMA defer_foreign_keys=ON;
--> statement-breakpoint
CREATE TABLE `kept_accounts` AS SELECT * FROM `accounts`;
--> statement-breakpoint
DROP TABLE `accounts`;
--> statement-breakpoint
CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`external_id` text NOT NULL,
	`tier` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	CONSTRAINT "accounts_external_id" CHECK(length("accounts"."external_id") BETWEEN 1 AND 255)
);
--> statement-breakpoint
INSERT INTO `accounts` (`id`, `external_id`, `tier`, `created_at`, `updated_at`)
SELECT `id`, `external_id`, `tier`, `created_at`, `updated_at` FROM `kept_accounts`;
--> statement-breakpoint
DROP TABLE `kept_accounts`;
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_external_id_unique` ON `accounts` (`external_id`);
--> statement-breakpoint
CREATE INDEX `accounts_by_age` ON `accounts` (`created_at`,`id`);
--> statement-breakpoint
CREATE TABLE `kept_bots` AS SELECT * FROM `bots`;
--> statement-breakpoint
DROP TABLE `bots`;
--> statement-breakpoint
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
	`operation_kind` text,
	`operation_since` integer,
	`next_due_at` integer,
	`poked_at` integer,
	`revision` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`observed_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`rekeyed_in` integer,
	`secrets_erased_at` integer,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE restrict,
	CONSTRAINT "bots_name" CHECK(length("bots"."name") BETWEEN 1 AND 64),
	CONSTRAINT "bots_numbers" CHECK("bots"."generation" >= 1 AND "bots"."desired_config_version" >= 1 AND "bots"."revision" >= 0)
);
--> statement-breakpoint
INSERT INTO `bots` (`id`, `account_id`, `name`, `persona`, `status`, `since`, `reason`, `generation`, `droplet_id`, `ip_address`, `desired_config_id`, `desired_config_version`, `applied_config_id`, `applied_config_version`, `effective_config_version`, `last_heartbeat_at`, `operation_kind`, `operation_since`, `next_due_at`, `poked_at`, `revision`, `created_at`, `updated_at`, `observed_at`, `created_by`, `rekeyed_in`, `secrets_erased_at`)
SELECT `id`, `account_id`, `name`, `persona`, `status`, `since`, `reason`, `generation`, `droplet_id`, `ip_address`, `desired_config_id`, `desired_config_version`, `applied_config_id`, `applied_config_version`, `effective_config_version`, `last_heartbeat_at`, `operation_kind`, `operation_since`, `next_due_at`, `poked_at`, `revision`, `created_at`, `updated_at`, `observed_at`, `created_by`, `rekeyed_in`, `secrets_erased_at` FROM `kept_bots`;
--> statement-breakpoint
DROP TABLE `kept_bots`;
--> statement-breakpoint
CREATE INDEX `bots_by_account` ON `bots` (`account_id`,`created_at`,`id`);
--> statement-breakpoint
CREATE INDEX `bots_by_age` ON `bots` (`created_at`,`id`);
--> statement-breakpoint
CREATE INDEX `bots_by_status` ON `bots` (`status`,`created_at`,`id`);
--> statement-breakpoint
CREATE INDEX `bots_to_erase` ON `bots` (`since`) WHERE status = 'destroyed' AND secrets_erased_at IS NULL;
--> statement-breakpoint
CREATE INDEX `bots_due` ON `bots` (`next_due_at`) WHERE next_due_at IS NOT NULL;
--> statement-breakpoint
CREATE TABLE `kept_droplets` AS SELECT * FROM `droplets`;
--> statement-breakpoint
DROP TABLE `droplets`;
--> statement-breakpoint
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
	FOREIGN KEY (`bot_id`) REFERENCES `bots`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
INSERT INTO `droplets` (`id`, `bot_id`, `name`, `generation`, `status`, `ip_address`, `found_at`, `gone_at`, `revision`)
SELECT `id`, `bot_id`, `name`, `generation`, `status`, `ip_address`, `found_at`, `gone_at`, `revision` FROM `kept_droplets`;
--> statement-breakpoint
DROP TABLE `kept_droplets`;
--> statement-breakpoint
CREATE INDEX `droplets_by_bot` ON `droplets` (`bot_id`);
--> statement-breakpoint
CREATE TABLE `kept_invitations` AS SELECT * FROM `invitations`;
--> statement-breakpoint
DROP TABLE `invitations`;
--> statement-breakpoint
CREATE TABLE `invitations` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`email` text NOT NULL,
	`role` text NOT NULL,
	`invited_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `invitations` (`id`, `account_id`, `email`, `role`, `invited_by`, `created_at`, `expires_at`)
SELECT `id`, `account_id`, `email`, `role`, `invited_by`, `created_at`, `expires_at` FROM `kept_invitations`;
--> statement-breakpoint
DROP TABLE `kept_invitations`;
--> statement-breakpoint
CREATE INDEX `invitations_by_account` ON `invitations` (`account_id`,`created_at`);
--> statement-breakpoint
CREATE INDEX `invitations_by_email` ON `invitations` (`email`);
--> statement-breakpoint
CREATE TABLE `kept_memberships` AS SELECT * FROM `memberships`;
--> statement-breakpoint
DROP TABLE `memberships`;
--> statement-breakpoint
CREATE TABLE `memberships` (
	`account_id` text NOT NULL,
	`user_id` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `user_id`),
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `memberships` (`account_id`, `user_id`, `role`, `created_at`)
SELECT `account_id`, `user_id`, `role`, `created_at` FROM `kept_memberships`;
--> statement-breakpoint
DROP TABLE `kept_memberships`;
--> statement-breakpoint
CREATE INDEX `memberships_by_user` ON `memberships` (`user_id`,`created_at`);
