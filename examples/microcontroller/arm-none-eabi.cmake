# Arm's GNU toolchain for one core, and the emulator that runs its programs.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # a whole program needs the board's start-up code
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CORE)

if(CORE STREQUAL "cortex-m4")
  set(core_flags "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16")
  set(machine mps2-an386)
elseif(CORE STREQUAL "cortex-m7")
  set(core_flags "-mcpu=cortex-m7 -mfpu=fpv5-d16")
  set(machine mps2-an500)
elseif(CORE STREQUAL "cortex-m55")
  set(core_flags "-mcpu=cortex-m55 -mfpu=auto")
  set(machine mps3-an547)
else()
  message(FATAL_ERROR "unknown core '${CORE}': give -DCORE=cortex-m4, cortex-m7 or cortex-m55")
endif()

set(CMAKE_C_FLAGS_INIT "${core_flags} -mthumb -mfloat-abi=hard -ffunction-sections -fdata-sections")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--gc-sections")
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)

# Programs print, read files and end by semihosting.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-arm -M ${machine} -display none -monitor none -serial none
  -semihosting-config enable=on,target=native -kernel)
