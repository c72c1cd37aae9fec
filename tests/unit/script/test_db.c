/* lectern.db: what is asked, what is answered, and what becomes of transactions. */
#include "world.h"
int main(void)
{
    return 0;
}
