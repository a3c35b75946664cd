// Crystals in 3D, with 3Dmol. Lengths in Å; cells as rows a, b, c.

import { createViewer } from "../vendor/3dmol-2.5.5.js";
import { theme } from "./plot.js";

// Elements that form bonds within molecules.
const MOLECULE = new Set(["C", "N", "H", "O", "S", "P"]);
const MOLECULE_BOND = { H: 1.25, other: 1.75 };

// Largest distance of a corner of an octahedron, relative to the nearest corner.
const STRETCH = 1.35;
const CORNERS = 6;

// Atoms are drawn up to this distance around a hop, in Å.
const AROUND = 5.4;

const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const subtract = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const scale = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const length = (a) => Math.sqrt(dot(a, a));
const point = (a) => ({ x: a[0], y: a[1], z: a[2] });

/** Return the Cartesian position of fractional coordinates. */
const cartesian = (cell, f) => add(add(scale(cell[0], f[0]), scale(cell[1], f[1])), scale(cell[2], f[2]));

/** Return the function that converts a position to fractional coordinates. */
function fractions(cell) {
  const volume = dot(cell[0], cross(cell[1], cell[2]));
  const rows = [cross(cell[1], cell[2]), cross(cell[2], cell[0]), cross(cell[0], cell[1])];
  return (place) => rows.map((row) => dot(row, place) / volume);
}

/** Return the number of cells on each side that contain all atoms within a distance. */
function reach(cell, distance) {
  const volume = Math.abs(dot(cell[0], cross(cell[1], cell[2])));
  return [0, 1, 2].map((axis) => {
    const height = volume / length(cross(cell[(axis + 1) % 3], cell[(axis + 2) % 3]));
    return Math.ceil(distance / height);
  });
}

function* shifts(cell, distance) {
  const [a, b, c] = reach(cell, distance);
  for (let i = -a; i <= a; i++) {
    for (let j = -b; j <= b; j++) {
      for (let k = -c; k <= c; k++) yield cartesian(cell, [i, j, k]);
    }
  }
}

/** Add bonds to atoms: within octahedra and within molecules. */
function bonded(atoms, octahedra) {
  const centres = new Set(octahedra.centres);
  const corners = new Set(octahedra.corners);
  for (const [index, atom] of atoms.entries()) {
    Object.assign(atom, { index, serial: index, bonds: [], bondOrder: [], properties: {} });
  }
  for (const atom of atoms) {
    const near = [];
    for (const other of atoms) {
      if (other.index === atom.index) continue;
      const apart = Math.hypot(atom.x - other.x, atom.y - other.y, atom.z - other.z);
      if (MOLECULE.has(atom.elem) && MOLECULE.has(other.elem)) {
        const most = atom.elem === "H" || other.elem === "H" ? MOLECULE_BOND.H : MOLECULE_BOND.other;
        if (apart < most) atom.bonds.push(other.index);
      } else if (centres.has(atom.elem) && corners.has(other.elem)) {
        near.push([apart, other]);
      }
    }
    near.sort((one, two) => one[0] - two[0]);
    atom.corners = near.slice(0, CORNERS).filter(([apart]) => apart < STRETCH * near[0][0]).map(([, other]) => other);
  }
  for (const atom of atoms) {
    for (const corner of atom.corners) {
      atom.bonds.push(corner.index);
      corner.bonds.push(atom.index);
    }
  }
  for (const atom of atoms) atom.bondOrder = atom.bonds.map(() => 1);
}

/** Return the faces of the convex hull of some points as triangles with outward normals. */
function hull(points) {
  const faces = [];
  const middle = scale(points.reduce(add, [0, 0, 0]), 1 / points.length);
  for (let a = 0; a < points.length; a++) {
    for (let b = a + 1; b < points.length; b++) {
      for (let c = b + 1; c < points.length; c++) {
        let normal = cross(subtract(points[b], points[a]), subtract(points[c], points[a]));
        if (length(normal) < 1e-6) continue;
        normal = scale(normal, 1 / length(normal));
        if (dot(normal, subtract(points[a], middle)) < 0) normal = scale(normal, -1);
        if (points.every((each) => dot(normal, subtract(each, points[a])) < 0.05)) faces.push([[a, b, c], normal]);
      }
    }
  }
  return faces;
}

/** Create a 3D view in an element. */
export function viewer(stage) {
  const holder = document.createElement("div");
  holder.className = "canvas";
  holder.setAttribute("role", "img");
  holder.setAttribute("aria-label", stage.dataset.label);
  stage.prepend(holder);
  let scene;
  try {
    scene = createViewer(holder, { backgroundAlpha: 0, antialias: true });
  } catch {
    scene = null;
  }
  if (!scene) {
    holder.remove();
    throw new Error("this browser has no WebGL");
  }
  const paint = () => scene.setBackgroundColor(theme().card, 1);
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    paint();
    scene.render();
  });
  new ResizeObserver(() => scene.resize()).observe(stage);

  function polyhedra(atoms, colour) {
    for (const atom of atoms) {
      if (atom.corners.length < 4 || atom.outside) continue;
      const points = atom.corners.map((corner) => [corner.x, corner.y, corner.z]);
      const shape = { vertexArr: [], normalArr: [], faceArr: [] };
      for (const [face, normal] of hull(points)) {
        const first = shape.vertexArr.length;
        for (const corner of face) {
          shape.vertexArr.push(point(points[corner]));
          shape.normalArr.push(point(normal));
        }
        shape.faceArr.push(first, first + 1, first + 2);
        shape.faceArr.push(first, first + 2, first + 1);
      }
      if (shape.faceArr.length) scene.addCustom({ ...shape, color: colour, opacity: 0.45 });
    }
  }

  function balls(atoms, small = 0.26) {
    const model = scene.addModel();
    model.addAtoms(atoms);
    model.setStyle({}, { sphere: { scale: small, colorscheme: "Jmol" }, stick: { radius: 0.08, colorscheme: "Jmol" } });
    return model;
  }

  return {
    /** Draw a unit cell with the atoms on its faces, complete octahedra and the box. */
    structure(found, octahedra) {
      scene.removeAllModels();
      scene.removeAllShapes();
      const cell = found.cell_ang;
      const into = fractions(cell);
      const atoms = [];
      const inside = [];
      for (const [index, place] of found.positions_ang.entries()) {
        const wrapped = into(place).map((f) => {
          const rest = f - Math.floor(f);
          return rest > 0.999 ? 0 : rest;
        });
        const edges = wrapped.map((f) => (f < 0.02 ? [0, 1] : f > 0.98 ? [-1, 0] : [0]));
        for (const i of edges[0]) for (const j of edges[1]) for (const k of edges[2]) {
          const at = cartesian(cell, add(wrapped, [i, j, k]));
          atoms.push({ elem: found.symbols[index], ...point(at), hetflag: true });
        }
        inside.push([found.symbols[index], cartesian(cell, wrapped)]);
      }
      // Add corners outside the cell to complete the octahedra.
      const taken = new Set(atoms.map((atom) => key(atom)));
      const centres = atoms.filter((atom) => octahedra.centres.includes(atom.elem));
      const images = [...shifts(cell, 4)];
      for (const centre of centres) {
        const near = [];
        for (const [elem, place] of inside) {
          if (!octahedra.corners.includes(elem)) continue;
          for (const shift of images) {
            const at = add(place, shift);
            const apart = length(subtract(at, [centre.x, centre.y, centre.z]));
            if (apart < 4.2) near.push([apart, elem, at]);
          }
        }
        near.sort((one, two) => one[0] - two[0]);
        for (const [apart, elem, at] of near.slice(0, CORNERS)) {
          const atom = { elem, ...point(at), hetflag: true };
          if (apart < STRETCH * near[0][0] && !taken.has(key(atom))) {
            taken.add(key(atom));
            atoms.push(atom);
          }
        }
      }
      bonded(atoms, octahedra);
      balls(atoms);
      const colours = theme();
      polyhedra(atoms, colours.accent);
      box(scene, cell, colours.soft);
      scene.zoomTo();
      scene.rotate(-68, "x");
      scene.rotate(14, "y");
      scene.zoom(1.2);
      scene.render();
      stage.dataset.shown = found.id;
    },

    /** Draw the atoms around a hop; return a sentence with the moving atom. */
    path(found) {
      const { cell_ang: cell, symbols, images } = found;
      const into = fractions(cell);
      // Follow each atom from image to image across cell boundaries.
      const tracks = [images[0].positions_ang];
      for (const image of images.slice(1)) {
        const before = tracks[tracks.length - 1];
        tracks.push(image.positions_ang.map((place, index) => {
          const step = into(subtract(place, before[index])).map((f) => f - Math.round(f));
          return add(before[index], cartesian(cell, step));
        }));
      }
      const last = tracks.length - 1;
      const moved = symbols.map((_, index) => length(subtract(tracks[last][index], tracks[0][index])));
      const mover = moved.indexOf(Math.max(...moved));
      const from = tracks[0][mover];
      const to = tracks[last][mover];
      const middle = scale(add(from, to), 0.5);
      const around = AROUND + moved[mover] / 2;
      const drawn = [];
      const half = Math.floor(last / 2);
      for (const [index, elem] of symbols.entries()) {
        for (const shift of shifts(cell, around + 8)) {
          const at = add(tracks[half][index], shift);
          const itself = index === mover && length(shift) < 1e-6;
          if (itself || length(subtract(at, middle)) < around) drawn.push({ index, elem, shift, itself });
        }
      }
      const kinds = { centres: JSON.parse(document.getElementById("octahedra")?.textContent ?? "{}").centres ?? [], corners: JSON.parse(document.getElementById("octahedra")?.textContent ?? "{}").corners ?? [] };
      const moving = theme().series[2];
      let placed = false;

      this.image = (number) => {
        scene.removeAllModels();
        scene.removeAllShapes();
        const atoms = drawn.map(({ index, elem, shift, itself }) => ({ elem, ...point(add(tracks[number][index], shift)), itself, hetflag: true }));
        bonded(atoms, kinds);
        const model = balls(atoms);
        model.setStyle({ predicate: (atom) => atom.itself }, { sphere: { scale: 0.42, color: moving } });
        for (const track of tracks) {
          scene.addSphere({ center: point(track[mover]), radius: 0.13, color: moving });
        }
        if (!placed) {
          // View the hop from the side.
          scene.zoomTo();
          aim(scene, subtract(to, from));
          scene.zoom(1.25);
          placed = true;
        }
        scene.render();
        stage.dataset.image = number;
      };
      return `${symbols[mover]} moves ${moved[mover].toFixed(2)} Å; atoms within ${around.toFixed(1)} Å of the hop are drawn.`;
    },
    image() {},
  };
}

const key = (atom) => [atom.x, atom.y, atom.z].map((x) => x.toFixed(1).replace("-0.0", "0.0")).join(" ");

/** Rotate the scene so that a direction points from left to right. */
function aim(scene, direction) {
  const turn = (Math.atan2(direction[1], direction[0]) * 180) / Math.PI;
  const rise = (Math.atan2(direction[2], Math.hypot(direction[0], direction[1])) * 180) / Math.PI;
  scene.rotate(-turn, "z");
  scene.rotate(rise, "y");
  scene.rotate(-20, "x");
}

function box(scene, cell, colour) {
  const corner = (i, j, k) => point(cartesian(cell, [i, j, k]));
  for (const [i, j] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
    for (const [start, end] of [[corner(0, i, j), corner(1, i, j)], [corner(i, 0, j), corner(i, 1, j)], [corner(i, j, 0), corner(i, j, 1)]]) {
      scene.addCylinder({ start, end, radius: 0.05, color: colour });
    }
  }
}
