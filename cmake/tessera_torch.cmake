# Finds torch and sets what find_package(Torch) sets: TORCH_INCLUDE_DIRS, TORCH_LIBRARIES, TORCH_CXX_FLAGS.
#
# A PyTorch with CUDA is taken by hand from the folder of its Python package: its own configuration insists on nvcc and the
# CUDA toolkit, which nothing here needs, because no source of ours is CUDA.

find_path(TESSERA_TORCH_CONFIG Torch/TorchConfig.cmake NO_CMAKE_SYSTEM_PATH NO_SYSTEM_ENVIRONMENT_PATH
          DOC "The folder torch.utils.cmake_prefix_path of a PyTorch; found through CMAKE_PREFIX_PATH")
get_filename_component(tessera_torch_root "${TESSERA_TORCH_CONFIG}/../.." ABSOLUTE)

if(TESSERA_TORCH_CONFIG AND EXISTS ${tessera_torch_root}/lib/libtorch_cuda.so)
  # Our header-only libraries come first: this package brings an fmt of its own.
  set(TORCH_INCLUDE_DIRS ${TESSERA_HEADERS} ${tessera_torch_root}/include
      ${tessera_torch_root}/include/torch/csrc/api/include)
  # libtorch_cuda registers the CUDA kernels when it is loaded; no symbol of ours needs it, so the linker must not drop it.
  # The CUDA libraries behind it are found at run time, through its own search path.
  set(TORCH_LIBRARIES -Wl,--allow-shlib-undefined -Wl,--no-as-needed)
  foreach(library torch torch_cpu torch_cuda c10 c10_cuda)
    list(APPEND TORCH_LIBRARIES ${tessera_torch_root}/lib/lib${library}.so)
  endforeach()
  list(APPEND TORCH_LIBRARIES -Wl,--as-needed)
  # The string ABI must be torch's: its Python package built the library before or after the switch to the new one.
  set(TESSERA_TORCH_CXX11_ABI 1 CACHE STRING "torch._C._GLIBCXX_USE_CXX11_ABI of this PyTorch, as 0 or 1")
  set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=${TESSERA_TORCH_CXX11_ABI}")
  message(STATUS "torch: ${tessera_torch_root} (with CUDA)")
else()
  find_package(Torch REQUIRED)
endif()
