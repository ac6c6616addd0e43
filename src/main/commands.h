/* commands.h - every shell command; main.c puts them into its table. */

#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

#include "main/command.h"

extern const struct command cmd_serve, cmd_init;
extern const struct command cmd_user_add, cmd_user_list, cmd_user_password, cmd_user_deactivate;
extern const struct command cmd_token_create, cmd_token_list, cmd_token_revoke;

#endif
