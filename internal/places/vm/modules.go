package vm

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Modules returns the files of kernel modules and of all that they depend on,
// in the order in which they are to be loaded. dir is where the kernel's modules
// are; it needs no modules.dep, which depmod(8) writes when a kernel package is
// installed: each module says itself what it depends on.
func Modules(dir string, names ...string) (files []string, err error) {
	byName := map[string]string{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".ko") {
			byName[moduleName(strings.TrimSuffix(d.Name(), ".ko"))] = path
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for modules: %w", err)
	}
	for _, name := range names {
		if files, err = withDepends(files, byName, name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// moduleName is a name as the kernel has it: files may have hyphens instead.
func moduleName(name string) string { return strings.ReplaceAll(name, "-", "_") }

// withDepends adds a module behind those that it needs, none twice.
func withDepends(files []string, byName map[string]string, name string) ([]string, error) {
	file, ok := byName[moduleName(name)]
	switch {
	case !ok:
		return nil, fmt.Errorf("module %s is not there", name)
	case slices.Contains(files, file):
		return files, nil
	}
	needs, err := depends(file)
	if err != nil {
		return nil, fmt.Errorf("what module %s depends on: %w", name, err)
	}
	for _, n := range needs {
		if files, err = withDepends(files, byName, n); err != nil {
			return nil, err
		}
	}
	return append(files, file), nil
}

// depends reads the line of a module's .modinfo section that modpost writes.
func depends(file string) (names []string, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s has no .modinfo", file)
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for line := range bytes.SplitSeq(info, []byte{0}) {
		if list, ok := bytes.CutPrefix(line, []byte("depends=")); ok && len(list) > 0 {
			names = append(names, strings.Split(string(list), ",")...)
		}
	}
	return names, nil
}
