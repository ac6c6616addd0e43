/* commands.h - every shell command; main.c puts them into its table. */

#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

#include "main/command.h"

extern const struct command cmd_serve, cmd_init;
extern const struct command cmd_query, cmd_get, cmd_create, cmd_update, cmd_delete, cmd_action;
extern const struct command cmd_import, cmd_export;
extern const struct command cmd_backup, cmd_restore, cmd_check, cmd_migrate;
extern const struct command cmd_job, cmd_undo, cmd_openapi, cmd_package, cmd_demo, cmd_completion;
extern const struct command cmd_user_add, cmd_user_list, cmd_user_password, cmd_user_deactivate;
extern const struct command cmd_token_create, cmd_token_list, cmd_token_revoke;

#endif
