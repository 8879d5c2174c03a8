/* Copyright x. Licensed. */
/* The header comment. */
#include <stdio.h>
#define MAX 10
/** doc */
#define SQ(x) ((x)*(x))
/* doc of s */
struct s { int a; /* field */ char *b[3]; };
typedef struct { int z; } anon_t;
typedef int (*cb)(int);
enum e { A, B = 2 };
static int x = 3;
/* doc f */
static int *f(int a, char *b) { return 0; }
int proto(void);
#ifdef Z
void g(void) {}
#endif
