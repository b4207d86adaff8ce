/* SPDX-License-Identifier: MIT */
/* Uses the library as a stranger would. */
#include <copas.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    copas *c = copas_new(NULL);
    if (c == NULL || strcmp(copas_version(), COPAS_VERSION) != 0) return 1;
    printf("copas %s: %s\n", copas_version(), copas_status_message(copas_loop(c, COPAS_FOREVER)));
    return copas_free(c) == COPAS_OK ? 0 : 1;
}
