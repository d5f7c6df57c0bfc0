// The code of stb_image.h, by itself: its warnings are not ours.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#include <stb_image.h>
