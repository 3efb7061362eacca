# Files as part of the program. As a script, cmake -DFOLDER=web -DOUTPUT=x.cpp -P embed_files.cmake writes a source that holds
# the bytes of every file of a folder; included, it gives tessera_embed(target folder): a library that does so at build time,
# again whenever one of the files has changed. The source defines tessera::serve::console_files() (serve/console_files.h).
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(TESSERA_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(tessera_embed target folder)
    file(GLOB files CONFIGURE_DEPENDS ${folder}/*)
    set(output ${CMAKE_BINARY_DIR}/embedded/console_files.cpp)
    add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUTPUT=${output} -P ${TESSERA_EMBED_SCRIPT}
      DEPENDS ${files} ${TESSERA_EMBED_SCRIPT} COMMENT "Embedding ${folder}" VERBATIM)
    # A library of its own: what makes a source holds up every compilation of its target, and of the targets behind it.
    add_library(${target} STATIC ${output})
    target_link_libraries(${target} PUBLIC tessera_flags)
  endfunction()
  return()
endif()

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)
set(arrays "")
set(rows "")
set(number 0)
foreach(name ${files})
  get_filename_component(extension ${name} LAST_EXT)
  string(SUBSTRING "${extension}" 1 -1 extension)
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${FOLDER}/${name}: no content type is known for .${extension}; name it in cmake/embed_files.cmake")
  endif()
  file(READ ${FOLDER}/${name} hex HEX)
  file(SHA256 ${FOLDER}/${name} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {\n${bytes}0};\n")
  string(APPEND rows
    "      {\"${name}\", \"${type_${extension}}\", \"\\\"${hash}\\\"\", bytes_of(kFile${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT}.new
"// Written by cmake/embed_files.cmake.
#include \"serve/console_files.h\"

#include <cstddef>

namespace tessera::serve {
namespace {
${arrays}
template <size_t n>
std::string_view bytes_of(const unsigned char (&bytes)[n]) {
  return {reinterpret_cast<const char*>(bytes), n - 1};
}
}  // namespace

std::span<const ConsoleFile> console_files() {
  static const ConsoleFile files[] = {
${rows}  };
  return files;
}

}  // namespace tessera::serve
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
