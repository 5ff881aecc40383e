ALTER TABLE `bots` ADD `operation_kind` text;--> statement-breakpoint
ALTER TABLE `bots` ADD `operation_since` integer;--> statement-breakpoint
ALTER TABLE `bots` ADD `next_due_at` integer;--> statement-breakpoint
ALTER TABLE `bots` ADD `poked_at` integer;--> statement-breakpoint
CREATE INDEX `bots_due` ON `bots` (`next_due_at`) WHERE next_due_at IS NOT NULL;