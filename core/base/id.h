/* Ids that nobody can guess: 20 characters of base64url, as Socket.IO's own (other software of
 * its world checks for this length). 15 random bytes from the operating system. */
#ifndef LEC_BASE_ID_H
#define LEC_BASE_ID_H

#include <stddef.h>

#define LEC_ID_LEN 20

void lec_id_make(char out[LEC_ID_LEN + 1]);

/* Fills p from the operating system's generator; ends the process if there is none. */
void lec_random(void *p, size_t n);

#endif
