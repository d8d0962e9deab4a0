/* SPDX-License-Identifier: MIT */
/* Preloaded, makes a strongSwan look like another version to the plugin. */
void key_exchange_concat_secrets(void);
__attribute__((visibility("default"))) void key_exchange_concat_secrets(void)
{
}
