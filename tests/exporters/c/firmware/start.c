/* What a test program needs besides main: semihosting, and words about a fault. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern void initialise_monitor_handles(void);
extern int main(void);
void start_program(void);
void report_fault(void);
void _init(void);
void _fini(void);

void _init(void) {}
void _fini(void) {}

void report_fault(void) {
  printf("fault: CFSR %08lx\n", *(volatile unsigned long *)0xE000ED28);
  exit(3);
}

void start_program(void) {
  initialise_monitor_handles();
  exit(main());
}
