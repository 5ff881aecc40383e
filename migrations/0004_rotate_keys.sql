CREATE TABLE `key_rotation_errors` (
	`bot_id` text NOT NULL,
	`store` text NOT NULL,
	`rotation` integer NOT NULL,
	`reason` text NOT NULL,
	`final` integer NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`bot_id`, `store`)
);
--> statement-breakpoint
CREATE TABLE `key_rotations` (
	`number` integer PRIMARY KEY NOT NULL,
	`target` text NOT NULL,
	`state` text NOT NULL,
	`phase` text NOT NULL,
	`cursor` text,
	`round` integer NOT NULL,
	`started_at` integer NOT NULL,
	`finished_at` integer,
	`lease_holder` text,
	`lease_until` integer NOT NULL,
	CONSTRAINT "key_rotations_state" CHECK("key_rotations"."state" IN ('running', 'done'))
);
--> statement-breakpoint
CREATE TABLE `retired_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`rotation` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `bots` ADD `rekeyed_in` integer;--> statement-breakpoint
ALTER TABLE `bots` ADD `secrets_erased_at` integer;--> statement-breakpoint
CREATE INDEX `bots_to_erase` ON `bots` (`since`) WHERE status = 'destroyed' AND secrets_erased_at IS NULL;