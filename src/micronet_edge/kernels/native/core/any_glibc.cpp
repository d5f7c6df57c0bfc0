// A wheel's libstdc++ asks the C library whether there is one thread alone, which glibc answers since 2.32.
// This answer, "perhaps more", is right everywhere, so the wheel needs no newer glibc than it says.
extern "C" __attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
